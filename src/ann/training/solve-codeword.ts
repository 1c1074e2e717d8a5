/**
 * Solves for the codeword that its vectors are coded best with, given their other codes: of `(n I + weight U) w = t`, where `moments` has
 * n, t and the upper triangle of U row by row. Positive definite by n > 0. Writes w; false, and nothing, when n is 0.
 */
export function solveCodeword(moments: Float64Array, width: number, weight: number, codeword: Float64Array): boolean {
  const count = moments[0]!;
  if (count === 0) return false;
  const matrix = new Float64Array(width * width);
  let at = 1 + width;
  for (let i = 0; i < width; i += 1) {
    codeword[i] = moments[1 + i]!;
    for (let j = i; j < width; j += 1) {
      const entry = (i === j ? count : 0) + weight * moments[at]!;
      matrix[i * width + j] = entry;
      matrix[j * width + i] = entry;
      at += 1;
    }
  }
  eliminate(matrix, width, codeword);
  return true;
}

/** Gauss without pivoting, which positive definite systems do not need. The right side becomes the solution. */
function eliminate(matrix: Float64Array, width: number, right: Float64Array): void {
  for (let i = 0; i < width; i += 1) {
    for (let row = i + 1; row < width; row += 1) {
      const factor = matrix[row * width + i]! / matrix[i * width + i]!;
      for (let j = i; j < width; j += 1) matrix[row * width + j]! -= factor * matrix[i * width + j]!;
      right[row]! -= factor * right[i]!;
    }
  }
  for (let i = width - 1; i >= 0; i -= 1) {
    for (let j = i + 1; j < width; j += 1) right[i]! -= matrix[i * width + j]! * right[j]!;
    right[i]! /= matrix[i * width + i]!;
  }
}
