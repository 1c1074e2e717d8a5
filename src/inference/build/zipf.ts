/** Probability of the word of each rank (1 = most frequent) in a language of `words` words under Zipf's law: 1 / (rank x H). */
export function zipfProbabilities(ranks: readonly number[], words: number): Float64Array {
  let harmonic = 0;
  for (let rank = words; rank >= 1; rank--) harmonic += 1 / rank;
  return Float64Array.from(ranks, (rank) => 1 / (rank * harmonic));
}
