/** Makes a preview: gets a page, reads what it says of itself, and keeps its picture. */
import type { FetchPage, Page } from './fetch-page.js'
import { fetchPicture, type KeepPicture, type Picture } from './keep-picture.js'
import { decodePage, maxValueChars, readPage } from './read-page.js'

/** Open Graph properties, and `matrix:image:size` in bytes; `og:image` is an `mxc://` URI. */
export type UrlPreview = Record<string, string | number>

/** The picture that an earlier preview of the page had. */
export type Former = { mediaId: string; sha256: string }

type Made = { preview: UrlPreview; picture?: Picture }

/** What says nothing of itself makes an empty preview. @throws OutboundError where the page cannot be had */
export type MakePreview = (url: URL, former: Former | undefined, signal: AbortSignal) => Promise<Made>

const maxPageBytes = 1_000_000
const accept = 'text/html,application/xhtml+xml,image/*;q=0.9,*/*;q=0.5'

export function makeMakePreview({
  fetchPage,
  keepPicture,
}: {
  fetchPage: FetchPage
  keepPicture: KeepPicture
}): MakePreview {
  async function previewPicture(page: Page, former: Former | undefined, signal: AbortSignal): Promise<Made> {
    const isCut = page.body.length >= maxPageBytes
    const bytes = isCut ? await fetchPicture(fetchPage, page.url, signal) : page.body
    const picture = bytes && (await keepPicture(bytes, former))
    const name = decoded(page.url.pathname.split('/').at(-1) ?? '').slice(0, maxValueChars)
    return { preview: name === '' ? {} : { 'og:title': name }, ...(picture && { picture }) }
  }

  async function previewHtml(page: Page, former: Former | undefined, signal: AbortSignal): Promise<Made> {
    const facts = await readPage(decodePage(page.body, page.headers['content-type']))
    const preview: UrlPreview = {}
    for (const [name, value] of facts.properties) if (!name.startsWith('og:image')) preview[name] = value
    if (facts.title !== undefined) preview['og:title'] ??= facts.title
    if (facts.description !== undefined) preview['og:description'] ??= facts.description
    const said = ['og:image:secure_url', 'og:image', 'og:image:url'].map((name) => facts.properties.get(name))
    const address = said.find((value) => value !== undefined) ?? facts.image
    if (address === undefined || !URL.canParse(address, page.url)) return { preview }
    const bytes = await fetchPicture(fetchPage, new URL(address, page.url), signal)
    const picture = bytes && (await keepPicture(bytes, former))
    const alt = facts.properties.get('og:image:alt')
    if (picture && alt !== undefined) preview['og:image:alt'] = alt
    return { preview, ...(picture && { picture }) }
  }

  return async (url, former, signal) => {
    const page = await fetchPage(url, { accept, maxBytes: maxPageBytes, mayCut: true, signal })
    if (page.mediaType.startsWith('image/')) return previewPicture(page, former, signal)
    if (page.mediaType === 'text/html' || page.mediaType === 'application/xhtml+xml')
      return previewHtml(page, former, signal)
    return { preview: {} }
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
