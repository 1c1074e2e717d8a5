/** Stands in for `src/contract/api-text.ts` in the gateway's bundle: calls of these functions vanish from it, and with them the texts. */
export function apiText(): undefined {}

export function about(): undefined {}

export function apiLines(): undefined {}

export function apiOnly(): undefined {}

export function apiObject(): undefined {}

export function apiNamed(): undefined {}
