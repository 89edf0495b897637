/**
 * GET and POST /_hearth/client/v1/validate_email (operationIds `showMailLink`, `confirmMailLink`)
 *
 * Where the link of a mail leads: a page with one button, since mail programs open links by themselves. Without scripts,
 * and what it says of the address and of where one goes from here cannot be taken for anything else.
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../http/endpoint.js'
import { raw } from '../../http/reply.js'
import type { ValidateAddress } from '../../threepids/validate-address.js'

type Needs = Pick<ValidateAddress, 'openMailLink'> & { serverName: string }

const path = '/_hearth/client/v1/validate_email'
const query = Type.Object({ sid: Type.String(), token: Type.String() })

export const showMailLinkEndpoint = defineEndpoint({
  operationId: 'showMailLink',
  method: 'GET',
  path,
  auth: 'none',
  query,
  async handle({ query: link }, hs: Needs) {
    const found = await hs.openMailLink(link, false)
    if (!found) return spent(hs.serverName)
    return page(200, `Is this your address?`, [
      `<p><b>${escapeHtml(found.address)}</b> is to be confirmed on ${escapeHtml(hs.serverName)}.</p>`,
      `<form method="post" action="${path}?${escapeHtml(String(new URLSearchParams(link)))}"><button>It is mine</button></form>`,
      '<p>If you have not asked for this, close the page: nothing changes.</p>',
    ])
  },
})

export const confirmMailLinkEndpoint = defineEndpoint({
  operationId: 'confirmMailLink',
  method: 'POST',
  path,
  auth: 'none',
  query,
  async handle({ query: link }, hs: Needs) {
    const found = await hs.openMailLink(link, true)
    if (!found) return spent(hs.serverName)
    const next = webAddress(found.nextLink)
    return page(200, 'The address is confirmed', [
      '<p>Go back to where you came from; it knows by now.</p>',
      ...(next
        ? [`<p><a rel="noreferrer" href="${escapeHtml(next.href)}">Go on to ${escapeHtml(next.host)}</a></p>`]
        : []),
    ])
  },
})

const spent = (serverName: string) =>
  page(404, 'This link is not good any more', [
    `<p>It was too old, or a newer mail was sent. Ask ${escapeHtml(serverName)} for another one.</p>`,
  ])

/** Anybody could have asked for the mail: nothing but pages of the web is led to, and only by a click. */
function webAddress(text: string | undefined): URL | undefined {
  const url = text !== undefined && URL.canParse(text) ? new URL(text) : undefined
  return url && /^https?:$/.test(url.protocol) ? url : undefined
}

const escapeHtml = (text: string) => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)

const page = (status: number, title: string, lines: readonly string[]) =>
  raw(
    status,
    `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${title}</title>
<style>:root{color-scheme:light dark;font:16px/1.5 system-ui}body{max-width:30rem;margin:15vh auto;padding:0 1rem}button{font:inherit;padding:.6rem 1.2rem}</style>
<main><h1>${title}</h1>${lines.join('')}</main></html>`,
    {
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      'content-security-policy':
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    },
  )
