/** Signing in with a password, and making an account where the server lets people do so. */
import { type ReactNode, useEffect, useState } from 'react'
import { t } from '../i18n/index.js'
import { explainError, MatrixRequestError } from '../platform/matrix/errors.js'
import type { MatrixHttp } from '../platform/matrix/http.js'
import { logIn, readLoginFlows, readRegistrationStages, register } from '../platform/matrix/login.js'
import type { LoginSession } from '../platform/matrix/login-session.js'
import { Banner } from '../ui/bits.js'
import { Button } from '../ui/button.js'
import { TextField } from '../ui/field.js'
import { checkNewPassword } from '../ui/password-strength.js'
import { deviceName } from './device-name.js'
import { OutsidePage } from './outside-page.js'
import styles from './sign-in.module.css'

type OnSession = (session: LoginSession, password?: string) => void
type SignInProps = {
  http: MatrixHttp
  /** Undefined where the server did not say. */
  serverName: string | undefined
  wasSignedOut: boolean
  onSession: OnSession
}

export function SignIn({ http, serverName, wasSignedOut, onSession }: SignInProps) {
  const [mode, setMode] = useState<'login' | 'register'>('login')
  const [stages, setStages] = useState<string[]>()
  const [problem, setProblem] = useState<string>()
  const [user, setUser] = useState('') // goes over from one form to the other
  useEffect(() => {
    let isWanted = true
    readLoginFlows(http)
      .then((flows) => (flows.includes('m.login.password') ? undefined : t('login.unsupported')))
      .catch((error: unknown) => explainError(error))
      .then((text) => isWanted && setProblem(text))
    return () => {
      isWanted = false
    }
  }, [http])

  const toRegister = async () => {
    try {
      const found = await readRegistrationStages(http)
      setStages(found)
      setProblem(found ? undefined : t('register.closed'))
      if (found) setMode('register')
    } catch (error) {
      setProblem(explainError(error))
    }
  }
  const isLogin = mode === 'login'
  return (
    <OutsidePage title={titleOf(isLogin, serverName)} withLanguage>
      {wasSignedOut && <Banner>{t('login.signedOut')}</Banner>}
      {problem && <Banner tone="warn">{problem}</Banner>}
      {isLogin ? (
        <LoginForm http={http} onSession={onSession} user={user} onUser={setUser} />
      ) : (
        <RegisterForm
          {...{ http, onSession, user }}
          onUser={setUser}
          needsToken={stages?.includes('m.login.registration_token')}
        />
      )}
      <Button variant="quiet" onClick={() => (isLogin ? void toRegister() : setMode('login'))}>
        {t(isLogin ? 'login.toRegister' : 'register.toLogin')}
      </Button>
    </OutsidePage>
  )
}

function titleOf(isLogin: boolean, server: string | undefined): string {
  if (server === undefined) return t(isLogin ? 'login.titlePlain' : 'register.titlePlain')
  return t(isLogin ? 'login.title' : 'register.title', { server })
}

type FormProps = { http: MatrixHttp; onSession: OnSession; user: string; onUser: (user: string) => void }

function LoginForm({ http, onSession, user, onUser }: FormProps) {
  const [password, setPassword] = useState('')
  const form = useSubmit(
    (session) => onSession(session, password),
    () => {
      if (!user.trim()) return t('login.needUser')
      if (!password) return t('login.needPassword')
      return logIn(http, user.trim(), password, deviceName())
    },
  )
  return (
    <Form form={form} submit={t(form.isBusy ? 'login.busy' : 'login.submit')}>
      <TextField
        label={t('login.user')}
        value={user}
        onChange={(event) => onUser(event.target.value)}
        autoComplete="username"
        autoCapitalize="none"
        spellCheck={false}
        autoFocus
      />
      <TextField
        label={t('login.password')}
        type="password"
        value={password}
        onChange={(event) => setPassword(event.target.value)}
        autoComplete="current-password"
      />
    </Form>
  )
}

function RegisterForm({ http, onSession, user, onUser, needsToken }: FormProps & { needsToken: boolean | undefined }) {
  const [password, setPassword] = useState('')
  const [token, setToken] = useState('')
  const form = useSubmit(onSession, () => {
    if (!user.trim()) return t('login.needUser')
    const refused = checkNewPassword(password, [user.trim()])
    if (refused) return refused
    return register(http, {
      username: user.trim().toLowerCase(),
      password,
      deviceName: deviceName(),
      ...(needsToken ? { token: token.trim() } : {}),
    })
  })
  return (
    <Form form={form} submit={t(form.isBusy ? 'register.busy' : 'register.submit')}>
      <TextField
        label={t('login.user')}
        value={user}
        onChange={(event) => onUser(event.target.value)}
        autoComplete="username"
        autoCapitalize="none"
        spellCheck={false}
        autoFocus
      />
      <TextField
        label={t('register.password')}
        hint={t('register.passwordHint')}
        type="password"
        value={password}
        onChange={(event) => setPassword(event.target.value)}
        autoComplete="new-password"
      />
      {needsToken && (
        <TextField
          label={t('register.token')}
          hint={t('register.tokenHint')}
          value={token}
          onChange={(event) => setToken(event.target.value)}
          spellCheck={false}
        />
      )}
    </Form>
  )
}

type Submission = { isBusy: boolean; problem: string | undefined; submit: () => void }

/** @param attempt gives a sentence when the form is not ready, else the session to come */
function useSubmit(
  onSession: (session: LoginSession) => void,
  attempt: () => string | Promise<LoginSession>,
): Submission {
  const [isBusy, setIsBusy] = useState(false)
  const [problem, setProblem] = useState<string>()
  return {
    isBusy,
    problem,
    async submit() {
      if (isBusy) return
      const attempted = attempt()
      if (typeof attempted === 'string') return setProblem(attempted)
      setIsBusy(true)
      setProblem(undefined)
      try {
        onSession(await attempted)
      } catch (error) {
        const isWrong = error instanceof MatrixRequestError && error.status === 403 && error.errcode === 'M_FORBIDDEN'
        setProblem(isWrong ? t('login.wrong') : explainError(error))
        setIsBusy(false)
      }
    },
  }
}

function Form({ form, submit, children }: { form: Submission; submit: string; children: ReactNode }) {
  return (
    <form
      className={styles.form}
      onSubmit={(event) => {
        event.preventDefault()
        form.submit()
      }}
    >
      {children}
      {form.problem && <Banner tone="bad">{form.problem}</Banner>}
      <Button type="submit" variant="primary" size="large" disabled={form.isBusy}>
        {submit}
      </Button>
    </form>
  )
}
