export function newestBelow(path: string): number
export function isStale(sourcePaths: readonly string[], stampPath: string): boolean
export function build(): void
