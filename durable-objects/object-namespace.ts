/**
 * Durable Objects by their names, as other objects call them. A binding is typed by the methods that are called, not by the class: so
 * classes that call each other need not import each other.
 */
export interface ObjectNamespace<Methods> {
  idFromName(name: string): DurableObjectId;
  get(id: DurableObjectId): Methods;
  getByName(name: string, options?: DurableObjectNamespaceGetDurableObjectOptions): Methods;
}

/** What the class of such objects implements: it may answer at once what callers wait for. */
export type Served<Methods> = {
  readonly [K in keyof Methods]: Methods[K] extends (...args: infer Args) => Promise<infer Reply>
    ? (...args: Args) => Reply | Promise<Reply>
    : never;
};
