/** The headless host, in this process, with a fake homeserver: what is printed, when, and how it ends. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { type HostProcess, runHeadless } from '../../main/headless.js'
import { DataFaultError, StartAgainError } from '../../server/kernel/start-faults.js'
import { makeFakeHomeserver } from '../support/fake-homeserver.js'
import { temporaryDirectory } from '../support/temporary-directory.js'

async function run(
  args: string[] = [],
  { behaviour = {}, env = {} }: { behaviour?: Parameters<typeof makeFakeHomeserver>[0]; env?: NodeJS.ProcessEnv } = {},
) {
  const directory = temporaryDirectory()
  const homeserver = makeFakeHomeserver(behaviour)
  const printed: string[] = []
  const complaints: string[] = []
  const exits: number[] = []
  const opened: string[] = []
  let signal = () => {}
  let endStdin: (() => void) | undefined
  const host: HostProcess = {
    argv: ['--data-dir', directory.path, '--client-port', '0', ...args],
    env: { HEARTH_LOG_LEVEL: 'silent', ...env },
    print: (line) => printed.push(line),
    complain: (line) => complaints.push(line),
    onSignal: (handler) => {
      signal = handler
    },
    onStdinEnd: (handler) => {
      endStdin = handler
    },
    exit: (code) => exits.push(code),
    openBrowser: (url) => opened.push(url),
    startHomeserver: homeserver.startHomeserver,
  }
  const ran = runHeadless(host)
  return {
    ran,
    printed,
    complaints,
    exits,
    opened,
    dataDir: directory.path,
    started: homeserver.started,
    signal: () => signal(),
    endStdin: () => endStdin,
    exited: () => vi.waitFor(() => expect(exits.length).toBeGreaterThan(0), 6_000),
    [Symbol.asyncDispose]: async () => {
      await ran
      for (const { channels } of homeserver.started) for (const channel of channels) channel.close()
      directory[Symbol.dispose]()
    },
  }
}

describe('ready', () => {
  test('one line, once the server answers', async () => {
    await using host = await run(['--server-name', 'hearth.test'])
    await host.ran

    expect(host.printed).toEqual([
      expect.stringMatching(
        new RegExp(`^ready http://127\\.0\\.0\\.1:\\d+/ server_name=hearth\\.test pid=${process.pid}$`),
      ),
    ])
    const url = host.printed[0]!.split(' ')[1]!
    expect((await fetch(`${url}_matrix/client/versions`)).status).toBe(200)
    host.signal()
    await host.exited()
  })

  test('without a server name it is onboarding, and the name in the line is empty', async () => {
    await using host = await run()
    await host.ran

    expect(host.printed[0]).toContain(' server_name= pid=')
    expect(host.started[0]?.config.server_name).toBeUndefined()
    host.signal()
    await host.exited()
  })

  test('a server that has to be set up prints where in a second line, and opens that', async () => {
    await using host = await run([], { behaviour: { setupSecret: 'sesame' } })
    await host.ran

    const url = host.printed[0]!.split(' ')[1]!
    expect(host.printed).toEqual([
      expect.stringMatching(/^ready http:\S+ server_name= pid=/),
      `setup ${url}#setup=sesame`,
    ])
    expect(host.opened).toEqual([`${url}#setup=sesame`])
    expect(host.complaints.join()).not.toContain('sesame')
    host.signal()
    await host.exited()
  })

  test('opens the page of one that is set up, unless --no-open is given', async () => {
    await using host = await run()
    await host.ran
    expect(host.opened).toEqual([host.printed[0]!.split(' ')[1]])
    host.signal()
    await host.exited()

    await using quiet = await run(['--no-open'])
    await quiet.ran
    expect(quiet.opened).toEqual([])
    quiet.signal()
    await quiet.exited()
  })

  test('never, when the server does not answer: exit code 1', async () => {
    await using host = await run([], { behaviour: { versionsStatus: 503 } })
    await host.ran
    await host.exited()

    expect(host.printed).toEqual([])
    expect(host.complaints.join()).toMatch(/answered 503/)
    expect(host.exits).toEqual([1])
    expect(host.started[0]?.isClosed).toBe(true)
  })
})

describe('the end', () => {
  test('a signal closes the server, gives the directory up and exits with 0', async () => {
    await using host = await run()
    await host.ran
    expect(existsSync(join(host.dataDir, 'hearth.lock'))).toBe(true)

    host.signal()
    await host.exited()

    expect(host.exits).toEqual([0])
    expect(host.started[0]?.isClosed).toBe(true)
    expect(existsSync(join(host.dataDir, 'hearth.lock'))).toBe(false)
  })

  test('a signal while the server starts ends it as well', async () => {
    await using host = await run()
    host.signal()
    await host.ran
    await host.exited()

    expect(host.exits).toContain(0)
    await vi.waitFor(() => expect(host.started[0]?.isClosed).toBe(true))
  })

  test('a server that hangs is left behind within five seconds', async () => {
    await using host = await run([], { behaviour: { hangsOnClose: true } })
    await host.ran
    const startedAt = Date.now()

    host.signal()
    await host.exited()

    expect(Date.now() - startedAt).toBeLessThan(5_000)
    expect(host.exits).toEqual([1])
  })

  test('a server that needs a fresh process is closed, and the process ends with 75 and why', async () => {
    await using host = await run()
    await host.ran

    host.started[0]!.fail('The disk was full.')
    await host.exited()

    expect(host.exits).toEqual([75])
    expect(host.complaints).toEqual(['The disk was full. Ending with 75, to be started again.'])
    expect(host.started[0]?.isClosed).toBe(true)
    expect(existsSync(join(host.dataDir, 'hearth.lock'))).toBe(false)
  })

  test('such a server that does not close is left behind with 75 too', async () => {
    await using host = await run([], { behaviour: { hangsOnClose: true } })
    await host.ran

    host.started[0]!.fail('The database has stopped taking writes.')
    await host.exited()

    expect(host.exits).toEqual([75])
  })

  test.each([
    [new DataFaultError('lost-tail', 'The end of the database is missing.'), 65, 'The end of the database is missing.'],
    [new StartAgainError('The disk is full.'), 75, 'The disk is full.'],
    [new Error('what?'), 1, 'The server could not start: what?'],
  ])('%s at the start: exit code %i and one sentence', async (error, code, sentence) => {
    await using host = await run([], { behaviour: { failWith: error } })
    await host.ran
    await host.exited()

    expect(host.exits).toEqual([code])
    expect(host.complaints).toEqual([sentence])
  })

  test('a second signal does not wait', async () => {
    await using host = await run([], { behaviour: { hangsOnClose: true } })
    await host.ran

    host.signal()
    host.signal()

    expect(host.exits).toEqual([0])
  })

  test('the end of standard input counts only when asked for', async () => {
    await using without = await run()
    await without.ran
    expect(without.endStdin()).toBeUndefined()
    without.signal()
    await without.exited()

    await using host = await run(['--exit-with-stdin'])
    await host.ran
    host.endStdin()?.()
    await host.exited()
    expect(host.exits).toEqual([0])
  })
})

describe('exit code 2 and one sentence', () => {
  test.each([
    ['an unknown option', ['--headles'], {}, 'Unknown option --headles; did you mean "--headless"?'],
    ['a bad value', ['--client-port', 'x'], {}, 'listeners.client.port must be a whole number from 0 to 65535.'],
    ['a bad variable', [], { HEARTH_LOG_LEVEL: 'loud' }, /^HEARTH_LOG_LEVEL must be one of/],
    [
      'a missing file',
      ['--config', '/nowhere/hearth.json'],
      {},
      /^The configuration file .*hearth\.json cannot be read: /,
    ],
  ])('for %s', async (_what, args, env, sentence) => {
    await using host = await run(args, { env })
    await host.ran

    expect(host.exits).toEqual([2])
    expect(host.complaints).toEqual([expect.stringMatching(sentence instanceof RegExp ? sentence : exactly(sentence))])
    expect(host.started).toEqual([])
  })

  test('for a data directory in use, and for one of another server', async () => {
    await using first = await run(['--server-name', 'one.example'])
    await first.ran
    const again = await run(['--data-dir', first.dataDir])
    await again.ran
    expect(again.exits).toEqual([2])
    expect(again.complaints[0]).toMatch(/^Another Hearth \(process \d+\) is using the data directory/)
    first.signal()
    await first.exited()
  })

  test('a port in use is exit code 1 and names the port', async () => {
    await using first = await run()
    await first.ran
    const { port } = new URL(first.printed[0]!.split(' ')[1]!)
    await using second = await run(['--client-port', port])
    await second.ran

    expect(second.exits).toEqual([1])
    expect(second.complaints).toEqual([`Port ${port} is in use by another program; choose one with --client-port.`])
    first.signal()
    await first.exited()
  })
})

const exactly = (text: string) => new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
