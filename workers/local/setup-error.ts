/** Something that the user of Sluice must correct; the message states what, and how. */
export class SetupError extends Error {
  override readonly name = 'SetupError';
}

/** From here on a setup error ends the process with its message alone; anything else is a defect and keeps its stack. */
export function explainSetupErrors(): void {
  process.once('uncaughtException', (error: unknown) => {
    console.error(error instanceof SetupError ? `\n  ${error.message}\n` : error);
    process.exit(1);
  });
}
