import type { Page } from "playwright-core";

/** The little of the browser that is used here: the project is not compiled with a browser's types. */
interface Shown {
  tagName: string;
  getBoundingClientRect(): { left: number; right: number; width: number };
}
interface Canvas {
  width: number;
  height: number;
  getContext(kind: "2d", options: { willReadFrequently: boolean }): Pen | null;
}
interface Pen {
  font: string;
  clearRect(x: number, y: number, width: number, height: number): void;
  fillText(text: string, x: number, y: number): void;
  getImageData(x: number, y: number, width: number, height: number): { data: Uint8ClampedArray };
}
declare const document: {
  documentElement: { scrollWidth: number; clientWidth: number };
  body: Shown & { querySelectorAll(selector: string): Iterable<Shown> };
  querySelector(selector: string): Shown | null;
  createElement(name: "canvas"): Canvas;
};
declare function getComputedStyle(element: Shown): { fontFamily: string };

/** The text that a reader sees; what is hidden is left out. */
export function seenOn(page: Page): Promise<string> {
  // biome-ignore lint/performance/useDomNodeTextContent: the text of a node would hold what is hidden
  return page.locator("body").innerText();
}

/** What reaches out of the window, sideways; empty when nothing does. */
export async function overflowsOf(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    const wide = [...document.body.querySelectorAll("*")].filter((element) => {
      const { left, right, width } = element.getBoundingClientRect();
      return width > 0 && (left < -0.5 || right > clientWidth + 0.5);
    });
    const named = new Set(wide.map((element) => `${element.tagName} reaches out of the window`));
    const page = `the page is ${scrollWidth} px wide in a window of ${clientWidth}`;
    return scrollWidth > clientWidth ? [page, ...named] : [...named];
  });
}

/**
 * Letters that no font here has: each is drawn alone, and looks as one that is assigned to nothing does.
 * A letter that cannot be seen at all (no ink) is told too, blanks aside.
 */
export async function missingGlyphsOf(page: Page): Promise<string[]> {
  const seen = (await seenOn(page)).normalize("NFC");
  return page.evaluate((text) => {
    const NO_LETTER = "\u0378";
    const canvas = document.createElement("canvas");
    const pen = canvas.getContext("2d", { willReadFrequently: true });
    if (pen === null) return ["there is no canvas to look at letters with"];
    const { fontFamily } = getComputedStyle(document.querySelector("p, td") ?? document.body);
    [canvas.width, canvas.height] = [64, 64];
    const drawn = (letter: string): string => {
      pen.clearRect(0, 0, 64, 64);
      pen.font = `32px ${fontFamily}`;
      pen.fillText(letter, 16, 44);
      return pen.getImageData(0, 0, 64, 64).data.join();
    };
    const [nothing, box] = [drawn(" "), drawn(NO_LETTER)];
    return [...new Set(text)]
      .filter((letter) => /[^\p{Z}\p{Cc}\p{Cf}]/u.test(letter))
      .filter((letter) => [nothing, box].includes(drawn(letter)))
      .map((letter) => `no font has U+${letter.codePointAt(0)?.toString(16).padStart(4, "0")}`);
  }, seen);
}
