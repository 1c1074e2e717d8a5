// The part of WebAssembly that every runtime Sluice targets has: workerd compiles no bytes. Node's own types lack all of it.

declare namespace WebAssembly {
  interface Module {
    readonly __module: unique symbol;
  }
  class Memory {
    constructor(descriptor: { initial: number; maximum?: number });
    readonly buffer: ArrayBuffer;
    grow(delta: number): number;
  }
  class Instance {
    constructor(module: Module, imports?: Record<string, Record<string, unknown>>);
    readonly exports: Record<string, unknown>;
  }
}
