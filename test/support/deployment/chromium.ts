import { existsSync } from 'node:fs';

const PATHS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** The path of the browser that tests drive: `CHROMIUM`, or where Linux distributions install it; undefined if there is none. */
export const chromiumPath = (): string | undefined => process.env['CHROMIUM'] ?? PATHS.find(existsSync);

/** How long a page may take for what a test waits for: the driver's half minute is too short on a busy machine. */
export const PAGE_MS = 120_000;
