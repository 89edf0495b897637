/** Who reaches this server, in sentences: from what listens to words, and never more than is known. */
import { formatDateTime, formatList } from '../../../i18n/format.js'
import { t } from '../../../i18n/index.js'
import type { Reachability } from '../admin-api.js'

export type Finding = { tone: 'good' | 'plain' | 'warn'; text: string }

/** The network at home. */
export function describeHome({ home_network: { state, addresses } }: Reachability): Finding {
  const urls = addresses.flatMap(({ url }) => url ?? [])
  if (state === 'failed') return { tone: 'warn', text: t('reach.home.failed') }
  if (urls.length === 0) return { tone: 'plain', text: t('reach.home.off') }
  return { tone: 'good', text: t('reach.home.on', { urls: formatList(urls) }) }
}

/** Other servers. Whether the internet gets through to a port cannot be seen from inside, so nothing here says so. */
export function describeFederation(reach: Reachability, server: string, now: number): Finding {
  const { is_on, listener } = reach.federation
  if (!is_on) return { tone: 'plain', text: t('reach.federation.off') }
  if (!listener)
    return reach.public.url === undefined
      ? { tone: 'warn', text: t('reach.federation.nothing') }
      : { tone: 'plain', text: t('reach.federation.configured', { url: reach.public.url }) }
  const port = String(listener.port)
  const { certificate } = listener
  if (!certificate) return { tone: 'plain', text: t('reach.federation.plain', { port, server }) }
  const when = formatDateTime(certificate.expires_ts)
  if (certificate.expires_ts <= now) return { tone: 'warn', text: t('reach.federation.expired', { when }) }
  if (!certificate.is_for_server)
    return { tone: 'warn', text: t('reach.federation.otherName', { names: formatList(certificate.names), server }) }
  return { tone: 'plain', text: t('reach.federation.listens', { port, server, when }) }
}
