export function findChromium(env?: NodeJS.ProcessEnv): string | undefined
export function chromiumPath(env?: NodeJS.ProcessEnv): string
type Run = (command: string, given: string[]) => { status: number | null; stdout: string }
export function installChromium(run?: Run): string | undefined
export const chromiumArguments: string[]
