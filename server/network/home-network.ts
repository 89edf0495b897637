/**
 * Whether this server can be reached on the network at home: off until an administrator turns it on, and remembered.
 *
 * What is chosen are interfaces, not addresses: a laptop that gets another address tomorrow stays reachable. So while it
 * is on, the machine's addresses are looked at every few seconds; a listener is opened at each new one and closed with the old one. One
 * address that cannot be had keeps nobody from the others, and is told. The listener on this machine itself is another
 * one and stays whatever happens here.
 *
 * Where the configuration has the client listener at another address than loopback, it decides, and nothing is turned on or off here.
 */
import type { Clock, Timer } from '../kernel/clock.js'
import { MatrixError } from '../kernel/errors.js'
import { hostNameOf, isLoopbackHost } from '../kernel/host-name.js'
import type { UserId } from '../kernel/identifiers.js'
import type { Logger } from '../kernel/logger.js'
import { makeKeyedLock } from '../rooms/keyed-lock.js'
import type { Database } from '../store/reader.js'
import { type HomeNetworkRow, readHomeNetwork, setHomeNetwork } from '../store/server-meta-store.js'
import { type HomeAddress, homeAddressesOf, homeHostsOf, type Interfaces, urlAt } from './home-addresses.js'

export type Visitor = {
  address: string
  /** Who showed a token from there. */
  users: readonly UserId[]
  /** Milliseconds since the epoch. */
  since: number
  lastSeen: number
}

/** A listener at one more address. */
export type OpenListener = {
  port: number
  /** Who has a connection to it now. */
  visitors(): Visitor[]
  /** Stops listening at once; what is in hand may finish. */
  close(): Promise<void>
}

export type HomeNetworkState = {
  state: 'off' | 'on' | 'failed' | 'by_configuration'
  /** Every address that could be chosen, and what is so there. */
  addresses: (HomeAddress & {
    url?: string
    isChosen: boolean
    isListening: boolean
    /** Why it does not listen although it should. */
    error?: string
  })[]
  visitors: Visitor[]
}

type Needs = {
  db: Database
  clock: Clock
  logger: Pick<Logger, 'info' | 'warn'>
  /** As configured. */
  client: { host: string }
  clientPort(): number | undefined
  /** @param isHome whether a host that a request names is this machine's */
  openAt(address: string, port: number, isHome: (host: string) => boolean): Promise<OpenListener>
  readInterfaces(): Interfaces
  readMainAddress(): Promise<string | undefined>
  machineName: string
  /** Other hosts under which a name server at home may have this machine: the server's name, its public address. */
  otherHosts(): readonly (string | undefined)[]
}

const lookEveryMs = 10_000

export class HomeNetwork {
  readonly #needs: Needs
  readonly #inTurn = makeKeyedLock()
  readonly #open = new Map<string, OpenListener>()
  readonly #errors = new Map<string, string>()
  readonly #closing = new Set<Promise<void>>()
  #setting: HomeNetworkRow = { is_on: false, interfaces: [] }
  #hosts: ReadonlySet<string> = new Set()
  #timer: Timer | undefined
  #isClosed = false

  constructor(needs: Needs) {
    this.#needs = needs
  }

  /** Does as was last chosen. Never fails: what cannot be opened is told by `state`. */
  async start(): Promise<void> {
    if (this.#isByConfiguration) return
    this.#setting = (await readHomeNetwork(this.#needs.db)) ?? this.#setting
    await this.#follow()
  }

  /**
   * @param interfaces undefined chooses the network that the machine is mainly on
   * @throws MatrixError 400 where the configuration decides, or there is no such network
   */
  async choose(isOn: boolean, interfaces?: readonly string[]): Promise<HomeNetworkState> {
    if (this.#isByConfiguration)
      throw new MatrixError(400, 'M_UNKNOWN', 'The configuration says where this server listens.')
    const chosen = isOn ? await this.#checkInterfaces(interfaces) : this.#setting.interfaces
    await this.#save({ ...this.#setting, is_on: isOn, interfaces: chosen })
    await this.#follow()
    return this.state()
  }

  state(): HomeNetworkState {
    const addresses = homeAddressesOf(this.#needs.readInterfaces())
    return this.#isByConfiguration ? this.#stateByConfiguration(addresses) : this.#stateByChoice(addresses)
  }

  /** Whether a host that a request names is this machine's on a network where it listens. */
  isHome = (host: string): boolean => {
    if (this.#isByConfiguration) return homeHostsOf(this.#listening(), this.#needs.machineName).has(host)
    if (this.#hosts.size === 0) return false
    return this.#hosts.has(host) || this.#needs.otherHosts().some((each) => hostNameOf(each) === host)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#timer?.cancel()
    await this.#inTurn('', async () => this.#closeAllBut([]))
    await Promise.all(this.#closing)
  }

  get #isByConfiguration(): boolean {
    const host = hostNameOf(this.#needs.client.host) ?? hostNameOf(`[${this.#needs.client.host}]`)
    return host !== undefined && !isLoopbackHost(host)
  }

  async #checkInterfaces(given: readonly string[] | undefined): Promise<string[]> {
    const all = homeAddressesOf(this.#needs.readInterfaces())
    if (given && given.length > 0) {
      if (given.every((name) => all.some((each) => each.interface === name))) return [...new Set(given)]
      throw new MatrixError(400, 'M_INVALID_PARAM', 'This machine is on no such network.')
    }
    const before = this.#setting.interfaces.filter((name) => all.some((each) => each.interface === name))
    if (before.length > 0) return before
    const main = await this.#needs.readMainAddress()
    const found = all.find(({ address }) => address === main) ?? all[0]
    if (!found) throw new MatrixError(400, 'M_UNKNOWN', 'This machine is on no network at home.')
    return [found.interface]
  }

  async #save(row: HomeNetworkRow): Promise<void> {
    await this.#needs.db.commit(() => ({ writes: [setHomeNetwork(row)], changes: [], result: undefined }))
    this.#setting = row
  }

  /** Opens and closes until what listens is what was chosen; goes on looking while it is on. */
  async #follow(): Promise<void> {
    this.#timer?.cancel()
    await this.#inTurn('', async () => {
      const wanted = this.#wantedAddresses()
      this.#closeAllBut(wanted)
      // Before the first request can come.
      this.#hosts = wanted.length > 0 ? homeHostsOf(wanted, this.#needs.machineName) : new Set()
      for (const address of wanted) if (!this.#open.has(address)) await this.#tryOpen(address)
    })
    this.#timer?.cancel() // of another turn that ended meanwhile
    if (this.#isClosed || !this.#setting.is_on) return
    this.#timer = this.#needs.clock.after(lookEveryMs, () => void this.#follow())
  }

  #wantedAddresses(): string[] {
    const { is_on, interfaces } = this.#setting
    if (!is_on || this.#isClosed) return []
    const all = homeAddressesOf(this.#needs.readInterfaces())
    return all.filter((each) => interfaces.includes(each.interface)).map(({ address }) => address)
  }

  /** Nobody waits for what is in hand there: it may be the very request that closes it. */
  #closeAllBut(wanted: readonly string[]): void {
    this.#errors.clear()
    for (const [address, listener] of this.#open) {
      if (wanted.includes(address)) continue
      this.#open.delete(address)
      const closed = listener.close().finally(() => this.#closing.delete(closed))
      this.#closing.add(closed)
    }
  }

  async #tryOpen(address: string): Promise<void> {
    const { logger } = this.#needs
    try {
      const listener = await this.#openAnyPort(address)
      this.#open.set(address, listener)
      logger.info({ address, port: listener.port }, 'the home network is listened to')
      // Links that were given out stay good.
      if (this.#setting.port === undefined) await this.#save({ ...this.#setting, port: listener.port })
    } catch (error) {
      this.#errors.set(address, (error as Error).message)
      logger.warn({ err: error, address }, 'an address of the home network cannot be listened to')
    }
  }

  /** The port of before, else that of this machine's own listener, else any. */
  async #openAnyPort(address: string): Promise<OpenListener> {
    const ports = [this.#setting.port, this.#needs.clientPort()].filter((port) => port !== undefined)
    for (const port of new Set(ports)) {
      const opened = await this.#needs.openAt(address, port, this.isHome).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EADDRINUSE' && error.code !== 'EACCES') throw error
        return undefined
      })
      if (opened) return opened
    }
    return this.#needs.openAt(address, 0, this.isHome)
  }

  #listening = (): string[] =>
    this.state()
      .addresses.filter(({ isListening }) => isListening)
      .map(({ address }) => address)

  #stateByConfiguration(all: readonly HomeAddress[]): HomeNetworkState {
    const { client, clientPort } = this.#needs
    const isEvery = client.host === '0.0.0.0' || client.host === '::'
    const port = clientPort()
    return {
      state: 'by_configuration',
      addresses: all.map((each) => {
        const isListening = port !== undefined && (isEvery || each.address === client.host)
        return { ...each, isChosen: isListening, isListening, ...(isListening && { url: urlAt(each.address, port) }) }
      }),
      visitors: [],
    }
  }

  #stateByChoice(all: readonly HomeAddress[]): HomeNetworkState {
    const { is_on, interfaces } = this.#setting
    const addresses = all.map((each) => {
      const listener = this.#open.get(each.address)
      const error = this.#errors.get(each.address)
      return {
        ...each,
        isChosen: interfaces.includes(each.interface),
        isListening: listener !== undefined,
        ...(listener && { url: urlAt(each.address, listener.port) }),
        ...(error !== undefined && { error }),
      }
    })
    const isListening = addresses.some((each) => each.isListening)
    return {
      state: is_on ? (isListening ? 'on' : 'failed') : 'off',
      addresses,
      visitors: [...this.#open.values()].flatMap((listener) => listener.visitors()),
    }
  }
}
