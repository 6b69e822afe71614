"""Country by its name in seven languages (Unicode CLDR): Sri Lanka, Tunesien, États-Unis, Reino Unido."""

from __future__ import annotations

import re

from filters.findings import Type
from filters.recognizers.base import Examples, Recognizer, Scores

__all__ = ["EXAMPLES", "RECOGNIZER"]

# Left out: names that are as often something else ("Jordan", "Turkey", "Cipro", "Corea", "Guinea").
_NAMES = (
    "Afeganistão|Afganistán|Afghanistan|Afrique du Sud|Albania|Albanie|Albanien|Albanië|Albânia|Alemanha|"
    "Alemania|Algeria|Algerien|Algerije|Algérie|Allemagne|Andorra|Andorre|Angleterre|Angola|Arabia Saudita|"
    "Arabia Saudí|Arabie saoudite|Argelia|Argentina|Argentine|Argentinien|Argentinië|Argélia|Armenia|Armenien|"
    "Armenië|Arménia|Arménie|Armênia|Arábia Saudita|Aserbaidschan|Australia|Australie|Australien|Australië|"
    "Austria|Austrália|Autriche|Azerbaigian|Azerbaijan|Azerbaijão|Azerbaiyán|Azerbaïdjan|Azerbeidzjan|Baamas|"
    "Bahamas|Bahama’s|Bahrain|Bahrein|Bahreïn|Bangladeche|Bangladesch|Bangladesh|Bangladés|Barbade|Barbados|"
    "Barein|Baréin|Barém|Belarus|Belgien|Belgio|Belgique|Belgium|België|Belice|Belize|Benim|Benin|Benín|Bhoutan|"
    "Bhutan|Bielorrusia|Bielorrússia|Bielorussia|Birma|Biélorussie|Bolivia|Bolivie|Bolivien|Bolívia|"
    "Bosnia & Herzegovina|Bosnia and Herzegovina|Bosnia ed Erzegovina|Bosnia y Herzegovina|Bosnie-Herzégovine|"
    "Bosnien und Herzegowina|Bosnië en Herzegovina|Botsuana|Botswana|Brasil|Brasile|Brasilien|Brazil|Brazilië|"
    "Brunei|Brunei Darussalam|Brunéi|Brésil|Bulgaria|Bulgarie|Bulgarien|Bulgarije|Bulgária|Burkina Faso|Burma|"
    "Burquina Faso|Burundi|Bután|Butão|Bélgica|Bénin|Bósnia e Herzegovina|Cabo Verde|Camarões|Cambodge|Cambodia|"
    "Cambodja|Cambogia|Camboja|Camboya|Cameroon|Cameroun|Camerun|Camerún|Canada|Canadá|Cap-Vert|Cape Verde|"
    "Capo Verde|Catar|Cazaquistão|Cechia|Centraal-Afrikaanse Republiek|Central African Republic|Chade|Chequia|"
    "Chile|China|Chine|Chipre|Chypre|Chéquia|Cile|Colombia|Colombie|Colômbia|Congo - Brazzaville|"
    "Congo - Kinshasa|Congo-Brazzaville|Congo-Kinshasa|Corea del Nord|Corea del Norte|Corea del Sud|"
    "Corea del Sur|Coreia do Norte|Coreia do Sul|Corée du Nord|Corée du Sud|Costa do Marfim|Costa d’Avorio|"
    "Costa Rica|Croacia|Croatia|Croatie|Croazia|Croácia|Cuba|Cyprus|Czech Republic|Czechia|Côte d’Ivoire|"
    "Danemark|Danimarca|Denemarken|Denmark|Deutschland|Dinamarca|Djibouti|Djibuti|Dominicaanse Republiek|"
    "Dominican Republic|Dominikanische Republik|Dschibuti|Duitsland|Dänemark|East Timor|Ecosse|Ecuador|EE. UU.|"
    "EE.UU.|Egipto|Egito|Egitto|Egypt|Egypte|El Salvador|Elfenbeinküste|Emirados Árabes Unidos|"
    "Emirati Arabi Uniti|Emiratos Árabes Unidos|Engeland|England|Equador|Eritrea|Eritreia|Escocia|Escócia|"
    "Eslovaquia|Eslovenia|Eslováquia|Eslovénia|Eslovênia|Espagne|Espanha|España|Essuatíni|Estados Unidos|"
    "Estados Unidos de América|Estland|Estonia|Estonie|Estónia|Estônia|Esuatini|Eswatini|Etats-Unis|Ethiopia|"
    "Ethiopië|Etiopia|Etiopía|Etiópia|Fidji|Fidschi|Fiji|Filipijnen|Filipinas|Filippine|Finland|Finlande|"
    "Finlandia|Finlândia|Finnland|France|Francia|Frankreich|Frankrijk|França|Gabon|Gabun|Gabão|Gabón|Gambia|"
    "Gambie|Georgien|Georgië|Germania|Germany|Ghana|Giamaica|Giappone|Gibuti|Giordania|Gran Bretagna|"
    "Gran Bretaña|Grande-Bretagne|Great Britain|Grecia|Greece|Griechenland|Griekenland|Groot-Brittannië|"
    "Großbritannien|Grã-Bretanha|Grèce|Grécia|Guatemala|Guiana|Guinea-Bissau|Guinea-Bisáu|Guinee-Bissau|"
    "Guiné-Bissau|Guinée-Bissau|Guyana|Gâmbia|Géorgie|Haiti|Haití|Haïti|Holanda|Holland|Hollande|Honduras|"
    "Hongarije|Hongrie|Hungary|Hungria|Hungría|Iceland|Ierland|IJsland|Inde|India|Indien|Indonesia|Indonesien|"
    "Indonesië|Indonésia|Indonésie|Inghilterra|Inglaterra|Irak|Iran|Iraq|Iraque|Ireland|Irland|Irlanda|"
    "Irlanda del Nord|Irlanda del Norte|Irlanda do Norte|Irlande|Irlande du Nord|Irán|Irão|Islanda|Islande|"
    "Islandia|Islândia|Israele|Israël|Italia|Italie|Italien|Italië|Italy|Itália|Ivoorkust|Ivory Coast|Iémen|"
    "Iêmen|Jamaica|Jamaika|Jamaïque|Japan|Japon|Japão|Japón|Jemen|Jibuti|Jordania|Jordanie|Jordanien|Jordanië|"
    "Jordânia|Kaapverdië|Kambodscha|Kameroen|Kamerun|Kanada|Kasachstan|Katar|Kazachstan|Kazajistán|Kazakhstan|"
    "Kazakistan|Kenia|Kenya|Kirghizistan|Kirghizstan|Kirgisistan|Kirgizië|Kirguistán|Koeweit|Kolumbien|"
    "Kongo-Brazzaville|Kongo-Kinshasa|Korea|Kosovo|Koweit|Koweït|Kroatien|Kroatië|Kuwait|Kyrgyzstan|Laos|Latvia|"
    "Lebanon|Lesotho|Lesoto|Letland|Letonia|Lettland|Lettonia|Lettonie|Letónia|Letônia|Liban|Libano|Libanon|"
    "Liberia|Libia|Libië|Libya|Libye|Libyen|Libéria|Liechtenstein|Listenstaine|Litauen|Lithuania|Litouwen|"
    "Lituania|Lituanie|Lituânia|Lussemburgo|Luxembourg|Luxemburg|Luxemburgo|Líbano|Líbia|Macedonia|"
    "Macedonia del Nord|Macedonia del Norte|Macedónia do Norte|Macedônia do Norte|Macédoine du Nord|Madagascar|"
    "Madagaskar|Madagáscar|Malaisie|Malasia|Malaui|Malawi|Malaysia|Maldivas|Maldive|Maldiven|Maldives|Malediven|"
    "Maleisië|Malte|Malásia|Maláui|Maroc|Marocco|Marokko|Marrocos|Marruecos|Mauretanien|Mauritania|Mauritanie|"
    "Mauritanië|Mauritius|Mauritânia|Maurícia|Messico|Mexico|Mexiko|Mexique|Mianmar|Moldavia|Moldavie|Moldavië|"
    "Moldova|Moldávia|Mongolei|Mongolia|Mongolie|Mongolië|Mongólia|Montenegro|Monténégro|Morocco|Mosambik|"
    "Mozambico|Mozambique|Moçambique|Myanmar|México|Mónaco|Mônaco|Namibia|Namibie|Namibië|Namíbia|Nederland|"
    "Nepal|Netherlands|Neuseeland|New Zealand|Nicaragua|Nicarágua|Niederlande|Nieuw-Zeeland|Nigeria|Nigéria|"
    "Noord-Ierland|Noord-Korea|Noord-Macedonië|Noorwegen|Nordirland|Nordkorea|Nordmazedonien|North Korea|"
    "North Macedonia|Northern Ireland|Noruega|Norvegia|Norvège|Norway|Norwegen|Nouvelle-Zélande|Nova Zelândia|"
    "Nueva Zelanda|Nuova Zelanda|Népal|Níger|Oeganda|Oekraïne|Oezbekistan|Olanda|Oman|Omán|Oost-Timor|Oostenrijk|"
    "Ouganda|Ouzbékistan|Paesi Bassi|Pakistan|Pakistán|Palestijnse gebieden|Palestine|Palestinian Territories|"
    "Palästinensische Autonomiegebiete|Panama|Panamá|Papoea-Nieuw-Guinea|Papouasie-Nouvelle-Guinée|"
    "Papua New Guinea|Papua Nuova Guinea|Papua-Neuguinea|Papua-Nova Guiné|Papúa Nueva Guinea|Paquistão|Paraguai|"
    "Paraguay|Pays de Galles|Pays-Bas|Países Baixos|Países Bajos|Peru|Perù|Perú|Philippinen|Philippines|Poland|"
    "Polen|Pologne|Polonia|Polónia|Polônia|Portogallo|Portugal|Pérou|Qatar|Quirguistão|Quénia|Quênia|Regno Unito|"
    "Reino Unido|Repubblica Centrafricana|Repubblica Dominicana|Republic of Ireland|Republik Moldau|"
    "República Centro-Africana|República Centroafricana|República Checa|República Democrática del Congo|"
    "República do Congo|República Dominicana|Roemenië|Romania|Roménia|Romênia|Roumanie|Royaume-Uni|Ruanda|"
    "Rumanía|Rumänien|Rusia|Rusland|Russia|Russian Federation|Russie|Russland|Rwanda|République centrafricaine|"
    "République dominicaine|Rússia|Sambia|Saoedi-Arabië|Saudi Arabia|Saudi-Arabien|Schotland|Schottland|Schweden|"
    "Schweiz|Scotland|Scozia|Seicheles|Senegal|Serbia|Serbie|Serbien|Serra Leoa|Servië|Seychellen|Seychelles|"
    "Sierra Leona|Sierra Leone|Simbabwe|Singapore|Singapour|Singapur|Singapura|Siria|Slovacchia|Slovakia|"
    "Slovaquie|Slovenia|Slovenië|Slovénie|Slowakei|Slowakije|Slowenien|Soedan|Somalia|Somalie|Somalië|Somália|"
    "Soudan|Soudan du Sud|South Africa|South Korea|South Sudan|Spagna|Spain|Spanien|Spanje|Sri Lanca|Sri Lanka|"
    "Stati Uniti|Stati Uniti d'America|Sud Sudan|Sudafrica|Sudan|Sudáfrica|Sudán|Sudán del Sur|Sudão|"
    "Sudão do Sul|Suecia|Suisse|Suiza|Surinam|Suriname|Suède|Suécia|Suíça|Svezia|Svizzera|Swaziland|Sweden|"
    "Switzerland|Syria|Syrie|Syrien|Syrië|Sénégal|Sérvia|Síria|Südafrika|Südkorea|Südsudan|Tadjikistan|"
    "Tadjiquistão|Tadschikistan|Tadzjikistan|Tagikistan|Tailandia|Tailândia|Taiwan|Taiwán|Tajikistan|Tajiquistão|"
    "Tansania|Tanzania|Tanzanie|Tanzânia|Tayikistán|Taïwan|Tchad|Tchéquia|Tchéquie|Territoires palestiniens|"
    "Territori Palestinesi|Territorios Palestinos|Territórios palestinianos|Territórios palestinos|Thailand|"
    "Thailandia|Thaïlande|Timor Est|Timor oriental|Timor-Leste|Trindade e Tobago|Trinidad & Tobago|"
    "Trinidad and Tobago|Trinidad e Tobago|Trinidad en Tobago|Trinidad und Tobago|Trinidad y Tobago|"
    "Trinité-et-Tobago|Tschechien|Tschechische Republik|Tsjaad|Tsjechië|Tunesien|Tunesië|Tunisia|Tunisie|Tunísia|"
    "Turchia|Turcomenistão|Turkije|Turkmenistan|Turkmenistán|Turkménistan|Turquemenistão|Turquia|Turquie|Turquía|"
    "Túnez|Türkei|Türkiye|Ucraina|Ucrania|Ucrânia|Uganda|Ukraine|Ungarn|Ungheria|United Arab Emirates|"
    "United Kingdom|United States|Uruguai|Uruguay|Usbekistan|Usbequistão|Uzbekistan|Uzbekistán|Uzbequistão|"
    "Venezuela|Vereinigte Arabische Emirate|Vereinigte Staaten|Vereinigtes Königreich|Verenigd Koninkrijk|"
    "Verenigde Arabische Emiraten|Verenigde Staten|Verenigde Staten van Amerika|Vietnam|Vietname|Vietnã|Viêt Nam|"
    "Wales|Weißrussland|Yemen|Yibuti|Yémen|Zambia|Zambie|Zentralafrikanische Republik|Zimbabue|Zimbabué|Zimbabwe|"
    "Zimbábue|Zuid-Afrika|Zuid-Korea|Zuid-Soedan|Zweden|Zwitserland|Zypern|Zâmbia|África do Sul|Áustria|Ägypten|"
    "Äthiopien|Écosse|Égypte|Émirats arabes unis|Équateur|Érythrée|États-Unis|Éthiopie|Índia|Österreich"
)
_ALL = tuple(sorted(_NAMES.split("|"), key=lambda name: (-len(name), name)))
_FIRST = re.compile(r"[^\W\d_]+")


def _written(name: str) -> str:
    return re.escape(name).replace(r"\ ", " ")


RECOGNIZER = Recognizer(
    kind="country",
    type=Type.LOCATION,
    patterns=(
        rf"(?<![\w-])(?:{'|'.join(map(_written, _ALL))})(?![\w-])(?! (?:ink|fever|red|black|stain|virus|strain)\b)",
        rf"(?<![\w-])(?:{'|'.join(_written(name.upper()) for name in _ALL)})(?![\w-])",
    ),
    starts=tuple(sorted({_FIRST.findall(name)[0].lower() for name in _ALL})),
    scores=Scores(shape=600),
    guarded=False,
    exact_case=True,
)

EXAMPLES = Examples(
    match=(
        "Back from «Sierra Leone» 6 days",
        "born in «Sri Lanka» in",
        "geboren in «Tunesien», lebt",
        "aux «États-Unis» depuis",
        "vive en el «Reino Unido» con",
        "in «Norvegia» per",
        "uit «Polen» in",
        "vive no «Brasil» há",
        "at the «SINGAPORE» office",
    ),
    no_match=(
        "india ink",
        "Sudan black",
        "the turkey sandwich",
        "Indian patient",
        "Jordan came",
        "Vietnamese pho",
        "Cipro 500 mg",
        "Corea di Huntington",
    ),
)
