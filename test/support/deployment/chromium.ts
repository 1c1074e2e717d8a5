import { existsSync } from 'node:fs';

const PATHS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** The browser that tests drive, or undefined: `CHROMIUM`, or where Linux distributions put it. */
export const chromiumPath = (): string | undefined => process.env['CHROMIUM'] ?? PATHS.find(existsSync);
