/**
 * A piece of a shard's background work. Between two `yield`s lies a slice: bounded work, at most one transaction. Writes and searches
 * happen in between, so whatever a task knows may be outdated when it goes on. One that is given up leaves nothing half done.
 */
export type Task = Generator<undefined, void>;
