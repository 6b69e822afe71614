// How a report looks and behaves in a browser, as facts: node looks.mjs FOLDER chromium|firefox < names of files, one a line
//
// For each page and each look: what axe finds, whether it is wider than the window, what it asked the network for, which
// letters no font could draw, and whether the print has pages. Prints one JSON object a look.
import { readFileSync } from "node:fs";
import { AxeBuilder } from "@axe-core/playwright";
import { chromium } from "playwright-core";

const LOOKS = [
  { name: "light", width: 1000, colorScheme: "light" },
  { name: "dark", width: 1000, colorScheme: "dark" },
  { name: "telephone", width: 400, colorScheme: "light" },
  { name: "print", width: 794, colorScheme: "light", media: "print" },
];
const folder = process.argv[2];
const pages = readFileSync(0, "utf8").trim().split("\n");

/** Letters that are drawn as boxes: as wide as a letter that no font has. */
function undrawn() {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  canvas.canvas.width = canvas.canvas.height = 32;
  canvas.font = `20px ${getComputedStyle(document.body).fontFamily}`;
  const draw = (letter) => {
    canvas.clearRect(0, 0, 32, 32);
    canvas.fillText(letter, 4, 24);
    return canvas.getImageData(0, 0, 32, 32).data.join();
  };
  const box = draw("\u{10FFFE}");
  const letters = new Set([...document.body.textContent].filter((c) => /\p{L}/u.test(c) && c > "\u0100"));
  return [...letters].filter((letter) => draw(letter) === box);
}

async function look(browser, page_, { name, width, colorScheme, media }) {
  const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme });
  const page = await context.newPage();
  const asked = [];
  page.on("request", (request) => asked.push(request.url()));
  await page.goto(`file://${folder}/${page_}`);
  if (media) await page.emulateMedia({ media, colorScheme });
  const axe = await new AxeBuilder({ page }).analyze();
  const facts = {
    page: page_,
    look: name,
    serious: axe.violations.filter((v) => ["serious", "critical"].includes(v.impact)).map((v) => v.id),
    minor: axe.violations.filter((v) => !["serious", "critical"].includes(v.impact)).map((v) => v.id),
    wider: await page.evaluate(() => document.documentElement.scrollWidth - innerWidth),
    asked: asked.filter((url) => !url.startsWith("file://") || !url.endsWith(page_)),
    scripts: await page.evaluate(() => document.scripts.length),
    undrawn: await page.evaluate(undrawn),
    background: await page.evaluate(() => getComputedStyle(document.querySelector("main")).backgroundColor),
  };
  if (media) {
    const pdf = await page.pdf({ preferCSSPageSize: true, printBackground: true });
    facts.pages = (pdf.toString("latin1").match(/\/Type\s*\/Page\b/g) || []).length;
  }
  await page.screenshot({ path: `${folder}/${page_.replace(".html", "")}-${name}.png`, fullPage: true });
  await context.close();
  return facts;
}

const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
for (const page of pages) for (const how of LOOKS) console.log(JSON.stringify(await look(browser, page, how)));
await browser.close();
