export const nodeOptions: readonly string[]
export function withFewArenas(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv
type Decision = { run: 'headless'; why?: string } | { run: 'desktop'; electron: string }
export function findElectron(env: NodeJS.ProcessEnv, resolvePackage?: (id: string) => string): string | undefined
export function decide(facts: {
  isHeadless: boolean
  electron: string | undefined
  platform: NodeJS.Platform
  env: NodeJS.ProcessEnv
  isRoot: boolean
}): Decision
export function runElectron(
  electron: string,
  given: readonly string[],
  env: NodeJS.ProcessEnv,
  spawnProcess?: typeof import('node:child_process').spawn,
): Promise<{ code: number; why?: undefined } | { why: string; code?: undefined }>
export function superviseHeadless(
  given: readonly string[],
  env: NodeJS.ProcessEnv,
  by?: { spawnProcess?: typeof import('node:child_process').spawn; wait?: (ms: number) => Promise<unknown> },
): Promise<number>
