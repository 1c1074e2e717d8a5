/** Keeps work running after the call that began it has been answered. */
export type Background = (work: Promise<unknown>) => void;
