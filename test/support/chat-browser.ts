/**
 * A server and a browser for the tests of one file. What a test opens is closed behind it, and none of its pages may
 * have had an error of its own.
 */
import type { Browser, Page } from 'playwright'
import { afterAll, afterEach, beforeAll, expect } from 'vitest'
import { openBrowser, openPage, type Person, password, signIn } from './chat-page.js'
import { MatrixClient } from './matrix-client.js'
import { type ServerProcess, startServerProcess } from './server-process.js'

export type Look = NonNullable<Parameters<typeof openPage>[2]>

export type ChatBrowser = {
  readonly server: ServerProcess
  /** A client of another make, of a new account. */
  register(name: string): Promise<MatrixClient>
  /** The page of this server, or of another one, before anybody has signed in. */
  open(look?: Look, url?: string): Promise<Person>
  /** Signed in. */
  pageOf(name: string, look?: Look): Promise<Page>
}

/** To be called at the top of a file: its hooks run before those of the file. */
export function chatBrowser(): ChatBrowser {
  let browser: Browser
  let server: ServerProcess
  const people: Person[] = []

  beforeAll(async () => {
    browser = await openBrowser()
    server = await startServerProcess()
  })
  afterAll(async () => {
    await browser?.close()
    await server?.[Symbol.asyncDispose]()
  })
  afterEach(async () => {
    const errors = people.flatMap((person) => person.errors)
    await Promise.all(people.splice(0).map(({ context }) => context.close()))
    expect(errors).toEqual([])
  })

  async function open(look?: Look, url = server.url): Promise<Person> {
    const person = await openPage(browser, `${url}/`, look)
    people.push(person)
    return person
  }

  return {
    get server() {
      return server
    },
    register: (name) => MatrixClient.register(server.url, name, password),
    open,
    async pageOf(name, look) {
      const person = await open(look)
      await signIn(person, name)
      return person.page
    },
  }
}
