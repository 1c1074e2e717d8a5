/**
 * A piece of a shard's background work. Between two `yield`s lies a slice: bounded work, at most one transaction. Writes and searches
 * happen in between, so what a task has read may be outdated when it continues. One that is given up leaves nothing half done.
 */
export type Task = Generator<undefined, void>;
