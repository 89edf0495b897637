/** How long a timer may be that the server says the length of: a longer one would run at once (31 bits). */
export const timerMs = (ms: number): number => Math.min(Math.max(ms, 0), 2 ** 31 - 1)
