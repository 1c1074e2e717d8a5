/** Something that the user of Sluice must correct; the message states what, and how. */
export class SetupError extends Error {
  override readonly name = 'SetupError';
}

/** What `parseArgs` says of options that there are not. */
const isOfOptions = (error: unknown): error is Error =>
  error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS_');

/** From here on a setup error ends the process with its message alone, and so does an unknown option; anything else is a defect and keeps its stack. */
export function explainSetupErrors(): void {
  process.once('uncaughtException', (error: unknown) => {
    console.error(error instanceof SetupError || isOfOptions(error) ? `\n  ${error.message}\n` : error);
    process.exit(1);
  });
}
