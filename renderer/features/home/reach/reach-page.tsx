/** Reach: from where people get to this server. Three rungs, each with what is so now; the one at home can be climbed here. */
import { Globe, House, type LucideIcon, Monitor } from 'lucide-react'
import { type ReactNode, useState } from 'react'
import { navigate } from '../../../app/route.js'
import { useServerInfo } from '../../../app/server-info.js'
import { useServices } from '../../../app/services.js'
import { formatAgo, formatList } from '../../../i18n/format.js'
import { t } from '../../../i18n/index.js'
import { explainError } from '../../../platform/matrix/errors.js'
import { Button } from '../../../ui/button.js'
import { Switch } from '../../../ui/field.js'
import { showToast } from '../../../ui/toast.js'
import { type HomeAddress, type Reachability, setHomeNetwork } from '../admin-api.js'
import { AdminsOnly, LoadFailed, LoadingRows, PageHead } from '../page.js'
import page from '../page.module.css'
import tools from '../tools.module.css'
import { useNow } from '../use-now.js'
import styles from './reach.module.css'
import { describeFederation, describeHome } from './reach-text.js'
import { useReachability } from './use-reachability.js'

export default function ReachPage() {
  return (
    <AdminsOnly title={t('home.reach')}>
      <Reach />
    </AdminsOnly>
  )
}

function Reach() {
  const loaded = useReachability()
  const { value: reach, error, reload, change } = loaded
  return (
    <div className={page.page}>
      <PageHead
        title={t('home.reach')}
        actions={<Button onClick={() => navigate('/home/people')}>{t('invite.person')}</Button>}
      />
      <p className={tools.note}>{t('reach.intro')}</p>
      {error !== undefined && <LoadFailed error={error} onRetry={reload} />}
      {!reach && error === undefined && <LoadingRows count={4} />}
      {reach && (
        <div className={styles.rungs}>
          <Rung icon={Monitor} title={t('reach.here')} isSo={reach.this_machine.url !== undefined}>
            <p>{t('reach.hereText', { url: reach.this_machine.url ?? '' })}</p>
          </Rung>
          <HomeRung reach={reach} onChange={(next) => change(() => next)} />
          <OutsideRung reach={reach} />
        </div>
      )}
    </div>
  )
}

type RungProps = { icon: LucideIcon; title: string; isSo: boolean; isWarning?: boolean; children: ReactNode }

const Rung = ({ icon: Icon, title, isSo, isWarning, children }: RungProps) => (
  <section className={styles.rung} data-so={isSo || undefined} data-warning={isWarning || undefined} aria-label={title}>
    <Icon size={20} aria-hidden />
    <div className={styles.body}>
      <h2>{title}</h2>
      {children}
    </div>
  </section>
)

type HomeRungProps = { reach: Reachability; onChange: (reach: Reachability) => void }

function HomeRung({ reach, onChange }: HomeRungProps) {
  const { http } = useServices().matrix
  const [isBusy, setIsBusy] = useState(false)
  const { state, addresses } = reach.home_network
  const { tone, text } = describeHome(reach)
  const isOn = state === 'on' || state === 'failed'

  const set = async (on: boolean, interfaces?: readonly string[]) => {
    setIsBusy(true)
    try {
      onChange(await setHomeNetwork(http, on, interfaces))
    } catch (error) {
      showToast(explainError(error), 'bad')
    }
    setIsBusy(false)
  }
  const toggle = ({ interface: name }: HomeAddress) => {
    const chosen = new Set(addresses.filter((each) => each.is_chosen).map((each) => each.interface))
    if (!chosen.delete(name)) chosen.add(name)
    if (chosen.size > 0) void set(true, [...chosen])
  }
  return (
    <Rung icon={House} title={t('reach.home')} isSo={tone === 'good'} isWarning={tone === 'warn'}>
      <p>{text}</p>
      {state === 'by_configuration' ? (
        <p className={styles.quiet}>{t('reach.home.configured')}</p>
      ) : (
        <Switch
          label={t('reach.home.switch')}
          hint={t('reach.home.means')}
          checked={isOn}
          disabled={isBusy || (addresses.length === 0 && !isOn)}
          onChange={(event) => void set(event.target.checked)}
        />
      )}
      {isOn && new Set(addresses.map((each) => each.interface)).size > 1 && (
        <Networks addresses={addresses} isBusy={isBusy} onToggle={toggle} />
      )}
      {isOn && <p className={styles.quiet}>{t('reach.home.limits')}</p>}
      {isOn && <Connected reach={reach} />}
    </Rung>
  )
}

type NetworksProps = {
  addresses: readonly HomeAddress[]
  isBusy: boolean
  onToggle: (address: HomeAddress) => void
}

/** One line per interface, with its addresses. */
function Networks({ addresses, isBusy, onToggle }: NetworksProps) {
  const names = [...new Set(addresses.map((each) => each.interface))]
  return (
    <fieldset className={styles.networks}>
      <legend>{t('reach.home.networks')}</legend>
      {names.map((name) => {
        const own = addresses.filter((each) => each.interface === name)
        const error = own.find((each) => each.error !== undefined)?.error
        return (
          <label key={name}>
            <input type="checkbox" checked={own[0]!.is_chosen} disabled={isBusy} onChange={() => onToggle(own[0]!)} />
            <span>
              <code>{own.map((each) => each.address).join(', ')}</code> {name}
              {error && ` — ${t('reach.home.error', { error })}`}
            </span>
          </label>
        )
      })}
    </fieldset>
  )
}

function Connected({ reach }: { reach: Reachability }) {
  const now = useNow(5_000)
  const { connected } = reach.home_network
  return (
    <section className={styles.connected} aria-label={t('reach.connected')}>
      <h3>{t('reach.connected')}</h3>
      {connected.length === 0 && <p className={styles.quiet}>{t('reach.nobody')}</p>}
      <ul>
        {connected.map(({ address, users, last_seen_ts }) => (
          <li key={address}>
            <bdi>{users.length > 0 ? formatList(users) : t('reach.stranger')}</bdi>
            <span className={styles.quiet}>
              <code>{address}</code> · {formatAgo(Math.min(last_seen_ts, now), now)}
            </span>
          </li>
        ))}
      </ul>
    </section>
  )
}

function OutsideRung({ reach }: { reach: Reachability }) {
  const info = useServerInfo()
  const federation = describeFederation(reach, info?.server_name ?? '', Date.now())
  const { url } = reach.public
  return (
    <Rung icon={Globe} title={t('reach.outside')} isSo={false} isWarning={federation.tone === 'warn'}>
      <p>{url === undefined ? t('reach.outside.nothing') : t('reach.outside.configured', { url })}</p>
      <p>{federation.text}</p>
    </Rung>
  )
}
