/** A command of `sluice`: takes the arguments after its name, answers the exit status. */
export type Command = (args: readonly string[]) => Promise<number>;

/** What the user typed cannot be carried out: shown without a stack, exit status 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
