/** `Symbol.dispose`, which the libraries of this language level do not name. */
export const DISPOSE: unique symbol = (Symbol as unknown as { readonly dispose: symbol }).dispose as never;

/** Gives up a stub: without it the other Worker keeps what the stub stands for. */
export const disposeOf = (stub: object): void => (stub as Record<symbol, (() => void) | undefined>)[DISPOSE]?.();
