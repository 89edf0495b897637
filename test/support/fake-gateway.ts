/** A push gateway of a test: a web server that keeps what it is told. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

// biome-ignore lint/suspicious/noExplicitAny: a test says what it expects of a body
type Json = any

export type FakeGateway = AsyncDisposable & {
  readonly url: string
  /** The `notification` of every request, the refused ones too. */
  readonly told: Json[]
  /** Those with an event, of requests that were taken: event IDs. */
  readonly events: string[]
  /** Answers other than an empty 200. */
  answer(
    notification: Json,
  ): Promise<{ status: number; body?: Json } | undefined> | { status: number; body?: Json } | undefined
}

export async function startFakeGateway(port = 0): Promise<FakeGateway> {
  const server = createServer(async (request, response) => {
    let text = ''
    for await (const chunk of request) text += chunk
    const { notification } = JSON.parse(text)
    fake.told.push(notification)
    const { status, body = {} } = (await fake.answer(notification)) ?? { status: 200 }
    if (status === 200 && notification.event_id) fake.events.push(notification.event_id)
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const fake: FakeGateway = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/_matrix/push/v1/notify`,
    told: [],
    events: [],
    answer: () => undefined,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return fake
}
