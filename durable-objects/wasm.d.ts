// Bundlers turn .wasm imports into compiled modules: workerd compiles none at run time.
declare module '*.wasm' {
  const module: WebAssembly.Module;
  export default module;
}
