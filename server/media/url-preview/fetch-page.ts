/** Gets a web page or a picture: follows a few redirects, each to an address that is judged again. */
import type { Outbound, OutboundAnswer } from '../../outbound/outbound.js'
import { OutboundError } from '../../outbound/outbound-error.js'

export type Page = OutboundAnswer & { url: URL /** Without parameters, lower case. */; mediaType: string }

export type FetchPage = (
  url: URL,
  options: { accept: string; maxBytes: number; mayCut: boolean; signal: AbortSignal },
) => Promise<Page>

const maxRedirects = 5
const timeoutMs = 15_000

/** @param userAgent pages are told who asks; some answer only to what calls itself a bot of previews */
export function makeFetchPage({ outbound, userAgent }: { outbound: Outbound; userAgent: string }): FetchPage {
  return async (first, { accept, signal, ...limits }) => {
    let url = first
    for (let hops = 0; hops <= maxRedirects; hops++) {
      const headers = { accept, 'accept-language': 'en;q=0.9, *;q=0.5', 'user-agent': userAgent }
      const answer = await outbound.exchange({ url, method: 'GET', headers, timeoutMs, signal, ...limits })
      const { location } = answer.headers
      if (answer.status >= 300 && answer.status <= 399 && location !== undefined) {
        if (!URL.canParse(location, url)) throw new OutboundError('answer', 'it redirects to nowhere')
        url = new URL(location, url)
        continue
      }
      if (answer.status !== 200) throw new OutboundError('answer', `it answered ${answer.status}`)
      const mediaType = (answer.headers['content-type'] ?? '').split(';')[0]!.trim().toLowerCase()
      return { ...answer, url, mediaType }
    }
    throw new OutboundError('answer', 'it redirects without end')
  }
}
