// Bundlers turn .wasm imports into compiled modules: workerd compiles none at run time.
declare module '*/scan.wasm' {
  const module: WebAssembly.Module;
  export default module;
}

declare module '*/probe.wasm' {
  const module: WebAssembly.Module;
  export default module;
}

declare module '*/probe.relaxed.wasm' {
  const module: WebAssembly.Module;
  export default module;
}
