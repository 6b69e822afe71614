"""Words both demonstration models are trained on: a small clinic, its people, and everyday life. Only constants."""

from __future__ import annotations

__all__ = [
    "BODY",
    "COMPLAINTS",
    "DEPARTMENTS",
    "DIAGNOSES",
    "DOSES",
    "DRUGS",
    "DURATIONS",
    "FINDINGS",
    "HEADINGS",
    "HISTORY",
    "JOBS",
    "NEGATIVES",
    "PLANS",
    "SIGNS",
    "TESTS",
    "TOPICS",
]


def _lines(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.replace("\n", ";").split(";") if part.strip())


COMPLAINTS = _lines("""
chest pain; shortness of breath; abdominal pain; back pain; a persistent cough; fever; headache; dizziness
        palpitations; nausea and vomiting
diarrhoea; constipation; a sore throat; ear pain; blurred vision; joint pain; knee pain; hip pain; shoulder pain
        neck pain; ankle swelling; leg swelling
a skin rash; itching; fatigue; weight loss; weight gain; night sweats; insomnia; low mood; anxiety
        memory problems; confusion; a fall; a seizure
fainting; numbness in the left hand; weakness of the right arm; slurred speech; tremor; burning urination
        blood in the urine; frequent urination; flank pain
pelvic pain; heavy periods; missed periods; vaginal discharge; breast lump; testicular pain; rectal bleeding
        black stools; difficulty swallowing; heartburn
loss of appetite; jaundice; nosebleeds; a runny nose; sneezing; wheezing; coughing up blood; hoarseness
        a painful red eye; tooth pain; a swollen foot
a wound on the leg; a burn on the hand; a dog bite; hair loss; hot flushes; cold intolerance; increased thirst
        muscle cramps; tinnitus; hearing loss
calf pain; wrist pain; a swollen knee; lower back pain; right-sided abdominal pain; chest tightness
        reduced exercise tolerance; poor sleep
leg pain when walking; a lump in the neck; double vision; vertigo; bloating; mouth ulcers; facial swelling; hives
        an itchy rash; foot pain; suicidal thoughts
cough; dry cough; productive cough; vomiting; rash; chills; breathlessness; stomach ache; swelling; weakness
""")

DIAGNOSES = _lines("""
pneumonia; asthma; an asthma exacerbation; chronic obstructive pulmonary disease; bronchitis; influenza; COVID-19
        tuberculosis; pulmonary embolism
heart failure; atrial fibrillation; angina; myocardial infarction; hypertension; deep vein thrombosis
        aortic stenosis; pericarditis; a stroke
a transient ischaemic attack; migraine; tension headache; epilepsy; Parkinson's disease; multiple sclerosis
        dementia; delirium; meningitis
type 2 diabetes; type 1 diabetes; diabetic ketoacidosis; hypothyroidism; hyperthyroidism; Addison's disease; gout
        rheumatoid arthritis; osteoarthritis
osteoporosis; a hip fracture; a wrist fracture; an ankle sprain; sciatica; lumbar strain; a rotator cuff tear
        carpal tunnel syndrome
gastritis; a peptic ulcer; gastro-oesophageal reflux; gastroenteritis; appendicitis; cholecystitis; pancreatitis
        diverticulitis; Crohn's disease
ulcerative colitis; coeliac disease; irritable bowel syndrome; cirrhosis; hepatitis B; a urinary tract infection
        pyelonephritis; kidney stones
chronic kidney disease; acute kidney injury; prostatitis; benign prostatic hyperplasia; endometriosis
        an ovarian cyst; pre-eclampsia; chlamydia
iron deficiency anaemia; vitamin B12 deficiency; dengue fever; malaria; cellulitis; shingles; eczema; psoriasis
        urticaria; a diabetic foot ulcer
conjunctivitis; glaucoma; cataract; otitis media; sinusitis; tonsillitis; depression; generalised anxiety disorder
        bipolar disorder; alcohol dependence
paracetamol overdose; sepsis; anaphylaxis; a concussion; breast cancer; prostate cancer; colorectal cancer
        lung cancer; lymphoma; hyperlipidaemia
""")

DRUGS = _lines("""
amoxicillin; co-amoxiclav; doxycycline; azithromycin; ciprofloxacin; nitrofurantoin; trimethoprim; ceftriaxone
        flucloxacillin; metronidazole; vancomycin
aspirin; clopidogrel; apixaban; warfarin; rivaroxaban; heparin; enoxaparin; bisoprolol; metoprolol; atenolol
        amlodipine; ramipril; lisinopril; losartan
enalapril; furosemide; spironolactone; hydrochlorothiazide; atorvastatin; simvastatin; rosuvastatin; metformin
        gliclazide; insulin glargine; empagliflozin
sitagliptin; levothyroxine; carbimazole; prednisolone; hydrocortisone; salbutamol; tiotropium; budesonide
        montelukast; omeprazole; pantoprazole
ranitidine; ondansetron; metoclopramide; loperamide; lactulose; paracetamol; ibuprofen; naproxen; diclofenac
        tramadol; codeine; morphine; gabapentin
pregabalin; sertraline; citalopram; fluoxetine; mirtazapine; amitriptyline; quetiapine; olanzapine; lithium
        diazepam; lorazepam; levetiracetam
sodium valproate; carbamazepine; lamotrigine; levodopa; donepezil; methotrexate; allopurinol; colchicine
        folic acid; ferrous sulfate; vitamin D
aciclovir; oseltamivir; cetirizine; loratadine; fexofenadine; tamsulosin; finasteride; tamoxifen; alendronate
        naloxone; acetylcysteine
""")

PLANS = _lines("""
physiotherapy; a chest X-ray; a follow-up visit in two weeks; a follow-up visit in one week
        review in three months; admission to the ward
an urgent CT scan; an MRI of the spine; an echocardiogram; a 24-hour ECG; a colonoscopy; an endoscopy
        an abdominal ultrasound; blood tests
repeat blood tests in four weeks; a urine culture; a sputum culture; referral to cardiology; referral to neurology
        referral to dermatology
referral to gastroenterology; referral to orthopaedics; referral to psychiatry; referral to the pain clinic
        referral to the eye clinic
referral to a dietitian; referral to the diabetes clinic; rest and fluids; a low-salt diet
        weight loss and exercise; stopping smoking
wound care twice a week; intravenous fluids; oxygen therapy; a nebuliser; home blood pressure monitoring
        a knee injection; elective surgery
urgent surgery; a plaster cast; compression stockings; counselling; cognitive behavioural therapy
        sleep hygiene advice; a flu vaccination
a hearing test; a lung function test; an exercise test; a biopsy; discharge home; observation overnight
        daily weight checks; a walking aid
occupational therapy; a safety plan with the family; a medication review; a glucose diary; dialysis planning
        palliative care review; a pelvic ultrasound
""")

TESTS = _lines("""
blood pressure 142/88; blood pressure 118/74; heart rate 96; temperature 38.4; oxygen saturation 94%
        respiratory rate 22; haemoglobin 9.8; HbA1c 8.2%
creatinine 140; potassium 5.4; sodium 131; CRP 86; white cells 14.2; troponin negative; D-dimer raised; INR 2.6
        TSH 7.9; ECG normal; chest X-ray clear
urine dipstick positive; glucose 12.4; cholesterol 6.1; weight 82 kg; BMI 31; ALT 62; platelets 96; ferritin 8
        pain score 6/10; GCS 15; PHQ-9 score 17
""")

FINDINGS = _lines("""
chest clear; reduced air entry at the right base; mild wheeze; heart sounds normal; a soft systolic murmur
        abdomen soft and not tender
tender in the right iliac fossa; no focal neurology; reduced range of motion; swelling and redness
        pupils equal and reactive; throat red
pulses present; pitting oedema to the knees; looks well; pale and tired; mild dehydration; no rash
        wound clean and dry; gait steady
alert and orientated; tender over the joint line; bowel sounds present; no lymph nodes; skin warm and dry
        walks with a stick
""")

HISTORY = _lines("""
hypertension; type 2 diabetes; asthma; smoking; high cholesterol; a previous stroke; ischaemic heart disease
        atrial fibrillation; depression; anxiety
hypothyroidism; kidney stones; gallstones; a hip replacement; an appendicectomy; two caesarean sections; migraine
        epilepsy; gout; psoriasis
chronic kidney disease; COPD; obesity; osteoporosis; penicillin allergy; alcohol use; breast cancer in remission
        a heart attack in the past
""")

BODY = _lines("""
arm; leg; knee; hip; shoulder; ankle; wrist; chest; abdomen; back; neck; head; hand; foot; eye; ear; throat; lung
        heart; kidney; liver; skin; spine
""")

DURATIONS = _lines("""
two days; three days; four days; five days; one week; two weeks; three weeks; one month; six weeks; two months
        three months; six months; one year; several hours
the past day; the past week; the past month
""")

JOBS = _lines("""
teacher; farmer; driver; nurse; retired engineer; student; shop worker; cook; builder; accountant; fisherman
        tailor; office worker; soldier; carpenter; waiter
""")

TOPICS = _lines("""
the weather; football; cricket; cooking rice; growing tomatoes; train timetables; a birthday party
        the history of Rome; photosynthesis; fractions; chess
learning Spanish; a job interview; a bicycle tyre; a leaking tap; recycling; budget planning
        a holiday in the mountains; knitting; a thank-you letter
baking bread; the solar system; music theory; a school timetable; painting a wall; a used car
        a spreadsheet formula; a Python script; a poem about rain
coffee; a garden pond; the water cycle; a wedding speech; a meeting agenda; a train delay; a museum visit
        a mobile phone; a printer; a password reset
walking shoes; breakfast ideas; a vegetable soup; a job advert; volcanoes; whales; the moon; a parking fine
        a library card; time zones; a road trip
""")

DOSES = _lines("""
500 mg three times a day for 7 days; 500 mg twice a day for 5 days; 75 mg daily; 2.5 mg once daily; 10 mg at night
40 mg every morning
1 g four times a day; 5 mg once daily; 20 mg twice daily; 100 mg at night; 250 mg four times a day for 10 days
1 tablet daily; two puffs as needed
50 micrograms daily; 4 mg three times a day; 10 units at bedtime; 400 mg when needed; 30 mg daily for 5 days
625 mg three times daily; once a week
""")

NEGATIVES = _lines("""
no chest pain; no fever; no vomiting; no weight loss; no blood in the stool; no shortness of breath; no trauma
no headache; no rash; no allergies
no recent travel; no loss of consciousness; no cough; no swelling; not on any medication; no previous episodes
no urinary symptoms
""")

SIGNS = _lines("""
BP 120/80, SpO2 96 %; BP 142/88, HR 96; T 38.4, RR 22; HR 88, RR 16, T 37.1; BP 130/70; SpO2 93 % on air
pulse 72 regular; weight 82 kg; GCS 15
BP 118/76, pulse 80; T 39.0, HR 110; SpO2 98 %; BP 160/95; glucose 11.2; RR 18, SpO2 97 %; right basal crackles
wheeze on both sides; abdomen soft
tender right knee; swollen left calf; throat red; ears clear; heart sounds normal; no focal neurology; chest clear
mild ankle oedema; ECG normal
chest X-ray shows consolidation; ultrasound normal; blood tests pending; ECG showed no acute changes; CRP 86
haemoglobin 9.8; urine clear; skin warm
""")

HEADINGS = _lines("""
Clinic note; Clinic letter; Admission note; Discharge summary; Emergency department; Outpatient clinic; GP visit
Ward round; Progress note; Consultation
Follow-up visit; Outpatient note; Medical record; Visit note; Nursing note; Home visit; Referral; Triage note
""")

DEPARTMENTS = _lines("""
medical clinic; surgical clinic; outpatient clinic; emergency department; chest clinic; diabetes clinic
cardiology; eye clinic; ward 4; ward 12
antenatal clinic; paediatric ward; neurology clinic; orthopaedic clinic; skin clinic; renal unit; day surgery
intensive care; family practice
""")
