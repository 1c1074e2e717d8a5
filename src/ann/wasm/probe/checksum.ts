const PRIME: i32 = 0x9e3779b1;

/** `checksum` of lists/checksum.ts, 64 bytes a step; `lanes` are 64 bytes of scratch. */
export function checksum(address: usize, bytes: u32, lanes: usize): u32 {
  const prime = i32x4.splat(PRIME);
  let a = i32x4.mul(i32x4(1, 2, 3, 4), prime);
  let b = i32x4.mul(i32x4(5, 6, 7, 8), prime);
  let c = i32x4.mul(i32x4(9, 10, 11, 12), prime);
  let d = i32x4.mul(i32x4(13, 14, 15, 16), prime);
  let at = address;
  const end = address + bytes;
  for (; at + 64 <= end; at += 64) {
    a = step(a, v128.load(at), prime);
    b = step(b, v128.load(at, 16), prime);
    c = step(c, v128.load(at, 32), prime);
    d = step(d, v128.load(at, 48), prime);
  }
  v128.store(lanes, a);
  v128.store(lanes, b, 16);
  v128.store(lanes, c, 32);
  v128.store(lanes, d, 48);
  for (let lane = lanes; at < end; at += 4) {
    let value: u32 = 0;
    if (at + 4 <= end) value = load<u32>(at);
    else for (let byte: u32 = 0; at + byte < end; byte++) value |= (<u32>load<u8>(at + byte)) << (8 * byte);
    const mixed = (load<u32>(lane) ^ value) * <u32>PRIME;
    store<u32>(lane, mixed ^ (mixed >> 15));
    lane += 4;
  }
  let hash = bytes;
  for (let lane = lanes; lane < lanes + 64; lane += 4) {
    const value = hash ^ load<u32>(lane);
    const mixed = (value ^ (value >> 16)) * 0x85ebca6b;
    hash = mixed ^ (mixed >> 13);
  }
  return hash;
}

function step(lanes: v128, values: v128, prime: v128): v128 {
  const mixed = i32x4.mul(v128.xor(lanes, values), prime);
  return v128.xor(mixed, i32x4.shr_u(mixed, 15));
}
