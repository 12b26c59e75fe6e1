/** The part of puppeteer-core that tests use: its own types bring those of an older Node. */

/** A rectangle on the page. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** An element of a document. */
export interface Handle {
  click(): Promise<void>;
  boundingBox(): Promise<Box | null>;
}

/** A document; expressions are sent to it as text. */
export interface Frame {
  $(selector: string): Promise<Handle | null>;
  evaluate(expression: string): Promise<unknown>;
  waitForSelector(selector: string): Promise<Handle | null>;
}

/** A page in the browser. */
export interface Page {
  readonly mouse: {
    move(x: number, y: number, options?: { readonly steps?: number }): Promise<void>;
    down(): Promise<void>;
    up(): Promise<void>;
  };
  $(selector: string): Promise<Handle | null>;
  evaluate(expression: string): Promise<unknown>;
  frames(): Frame[];
  mainFrame(): Frame;
  goto(url: string): Promise<unknown>;
  on(event: "request", listener: (request: { url(): string }) => void): unknown;
  on(event: "console", listener: (message: { type(): string; text(): string }) => void): unknown;
  on(event: "pageerror", listener: (error: unknown) => void): unknown;
  screenshot(options: { readonly path: string }): Promise<unknown>;
  setViewport(size: { readonly width: number; readonly height: number }): Promise<void>;
}

/** A browser. */
export interface Browser {
  newPage(): Promise<Page>;
  close(): Promise<void>;
}

declare const puppeteer: {
  launch(options: {
    readonly executablePath: string;
    readonly args: string[];
    readonly defaultViewport: { readonly width: number; readonly height: number };
  }): Promise<Browser>;
};
export default puppeteer;
