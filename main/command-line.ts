/**
 * The command line: `npm start -- …`, `node out/main/headless.js …` and the packaged app take the same.
 *
 * Anything unknown is refused with the nearest known option. Electron's own executable is given
 * Chromium's switches, the app's folder and `matrix:` links as well, so there unknown arguments
 * pass; `main/launch.mjs` has checked what a person typed before.
 */
import { ConfigError, suggest } from '../server/kernel/config.js'
import { acceptableFaults, type DataFault } from '../server/kernel/start-faults.js'

export type CommandLine = {
  headless: boolean
  openBrowser: boolean
  exitWithStdin: boolean
  /** Boot, check the live path once, print JSON, exit: the first thing to run on a new platform. */
  smoke: boolean
  /** Starts with no window, as at login. */
  hidden: boolean
  configPath: string | undefined
  /** Faults of the data with which this one start goes on all the same. */
  accept: DataFault[]
  /** Configuration options by dotted name. */
  options: Record<string, string>
  /** What is left: `matrix:` links, on Windows and Linux. */
  rest: string[]
}

const flags = {
  '--headless': 'headless',
  '--no-open': 'noOpen',
  '--exit-with-stdin': 'exitWithStdin',
  '--smoke': 'smoke',
  '--hidden': 'hidden',
} as const
type Flag = (typeof flags)[keyof typeof flags]
const isFlag = (name: string): name is keyof typeof flags => Object.hasOwn(flags, name)

const configFileOption = '--config'
const acceptOption = '--accept'
/** Options with a value, and the configuration option that each sets. */
const valued: Readonly<Record<string, string>> = {
  [configFileOption]: '',
  [acceptOption]: '',
  '--data-dir': 'data_dir',
  '--server-name': 'server_name',
  '--client-port': 'listeners.client.port',
}

/**
 * @param given     arguments after the program (and, in Electron, as the system gave them)
 * @param isLenient whether unknown arguments pass, as in Electron
 * @throws ConfigError for the first argument that is wrong
 */
export function readCommandLine(given: readonly string[], isLenient = false): CommandLine {
  const set = new Set<Flag>()
  const options: Record<string, string> = {}
  const rest: string[] = []
  let configPath: string | undefined
  const accept: DataFault[] = []

  for (let i = 0; i < given.length; i++) {
    const argument = given[i]!
    const [name = '', ...tail] = argument.split('=')
    const inline = argument.includes('=') ? tail.join('=') : undefined
    if (isFlag(name)) {
      if (inline !== undefined) throw new ConfigError(`${name} takes no value.`)
      set.add(flags[name])
    } else if (Object.hasOwn(valued, name)) {
      const value = inline ?? given[++i]
      if (value === undefined || value === '' || (inline === undefined && value.startsWith('--')))
        throw new ConfigError(`${name} needs a value.`)
      if (name === configFileOption) configPath = value
      else if (name === acceptOption) accept.push(readFault(value))
      else options[valued[name]!] = value
    } else if (isLenient || !argument.startsWith('-')) rest.push(argument)
    else
      throw new ConfigError(`Unknown option ${name}${suggest(name, [...Object.keys(flags), ...Object.keys(valued)])}`)
  }
  const stray = rest.find((argument) => !argument.startsWith('matrix:'))
  if (stray !== undefined && !isLenient) throw new ConfigError(`Unexpected argument "${stray}".`)
  return {
    headless: set.has('headless'),
    openBrowser: !set.has('noOpen'),
    exitWithStdin: set.has('exitWithStdin'),
    smoke: set.has('smoke'),
    hidden: set.has('hidden'),
    configPath,
    accept,
    options,
    rest,
  }
}

function readFault(value: string): DataFault {
  const fault = acceptableFaults.find((known) => known === value)
  if (!fault)
    throw new ConfigError(`--accept takes one of ${acceptableFaults.join(', ')}${suggest(value, acceptableFaults)}`)
  return fault
}

/** The same arguments for another start: what was accepted, was accepted once. */
export const withoutAccepted = (given: readonly string[]): string[] =>
  given.filter(
    (argument, i) =>
      !argument.startsWith(`${acceptOption}=`) && argument !== acceptOption && given[i - 1] !== acceptOption,
  )
