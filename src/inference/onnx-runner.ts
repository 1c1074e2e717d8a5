/** One loaded ONNX graph that maps `token_ids` int64 [rows, tokens], padded with 0, to vectors float32 [rows, dimensions]. */
export interface OnnxRunner {
  run(tokenIds: BigInt64Array<ArrayBuffer>, rows: number, tokens: number): Promise<Float32Array>;
}
