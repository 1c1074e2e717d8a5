import type { Browser, Page } from 'playwright-core';
import { chromium } from 'playwright-core';

import type { Edge, EdgeError, EdgeOptions } from '../../../workers/edge/edge.ts';
import { chromiumPath, PAGE_MS } from './chromium.ts';

/** A processor's WebGPU: slow, but it computes as others do. */
const WEBGPU = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'];

/** A browser with WebGPU. Throws without Chromium: `npm test` skips these tests then, and reports that. */
export async function launchBrowser(): Promise<Browser> {
  const executablePath = chromiumPath();
  if (executablePath === undefined) throw new Error('no Chromium: install it, or name it in CHROMIUM');
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--no-first-run', '--disable-background-networking', ...WEBGPU] });
}

export interface EdgePage {
  readonly page: Page;
  /** Paths that it fetched until now. */
  readonly fetched: string[];
}

/** The page at /sdk/ in a browser profile of its own: nothing is kept from another. */
export async function freshPage(browser: Browser, url: string): Promise<EdgePage> {
  const context = await browser.newContext();
  const page = await context.newPage();
  page.setDefaultTimeout(PAGE_MS);
  const fetched: string[] = [];
  page.on('request', (request) => void fetched.push(new URL(request.url()).pathname));
  await page.goto(`${url}/sdk/`);
  return { page, fetched };
}

export interface Made {
  readonly device: string;
  readonly contract: string;
  readonly fallback: string | undefined;
  readonly vectors: number[][];
  readonly progress: { loadedBytes: number; totalBytes: number; isCached: boolean }[];
  readonly error?: string;
  readonly message?: string;
}

/** What an edge in the page makes of texts. */
export async function embeddedInPage(
  page: Page,
  options: Omit<EdgeOptions, 'signal'>,
  texts: readonly string[],
  isAborted = false,
): Promise<Made> {
  // As text: the test's own transformation of modules knows nothing of the page's.
  await page.evaluate("import('/sdk/edge.js').then((module) => void Object.assign(globalThis, module))");
  return page.evaluate(
    async ([given, input, aborted]) => {
      const { createEdge } = globalThis as unknown as { readonly createEdge: (options: EdgeOptions) => Promise<Edge> };
      const progress: Made['progress'] = [];
      try {
        const signal = aborted ? { signal: AbortSignal.abort() } : {};
        const edge = await createEdge({ ...given, ...signal, onProgress: (step) => void progress.push(step) });
        const { vectors, device } = await edge.embed(input);
        const fallback = edge.fallbackReason?.code;
        return { device, contract: edge.contractHash, fallback, vectors: vectors.map((vector) => [...vector]), progress };
      } catch (error) {
        const { code, message } = error as EdgeError;
        return { device: '', contract: '', fallback: undefined, vectors: [], progress, error: code, message };
      }
    },
    [options, texts, isAborted] as const,
  );
}
