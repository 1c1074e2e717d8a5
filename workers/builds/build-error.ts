/** What was given cannot be used; the message says what to do. Another attempt would end the same. */
export class UnusableInput extends Error {
  override readonly name = 'UnusableInput';
}

/** What was asked for could not be made of what was given. */
export class BuildFailure extends Error {
  override readonly name = 'BuildFailure';
}
