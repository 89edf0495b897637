/** The first run: one question a screen, back always possible, and then the Notes room. */
import { useEffect, useRef, useState } from 'react'
import { navigate, roomPath } from '../../app/route.js'
import { t } from '../../i18n/index.js'
import { explainError, MatrixRequestError } from '../../platform/matrix/errors.js'
import type { MatrixHttp } from '../../platform/matrix/http.js'
import type { LoginSession } from '../../platform/matrix/login-session.js'
import { Banner, EmptyState } from '../../ui/bits.js'
import { Button } from '../../ui/button.js'
import { HearthMark } from '../../ui/hearth-mark.js'
import {
  type Answers,
  checkStep,
  type Problems,
  readSetup,
  type SetupState,
  type Step,
  sendAnswers,
  stepOfRefusal,
} from './answers.js'
import { NameStep } from './name-step.js'
import styles from './onboarding.module.css'
import { PasswordStep } from './password-step.js'
import { ReachStep } from './reach-step.js'
import { ReadyStep } from './ready-step.js'
import { ServerStep } from './server-step.js'

type OnboardingProps = { http: MatrixHttp; onSession: (session: LoginSession) => void }

const allSteps: readonly Step[] = ['name', 'server', 'password', 'reach', 'ready']
const noAnswers: Answers = { username: '', serverName: '', password: '', federation: 'local' }

export default function Onboarding({ http, onSession }: OnboardingProps) {
  const [setup, setSetup] = useState<SetupState | 'failed'>()
  useEffect(() => {
    let isWanted = true
    readSetup(http).then(
      (state) => isWanted && setSetup(state),
      () => isWanted && setSetup('failed'),
    )
    return () => {
      isWanted = false
    }
  }, [http])
  if (setup === undefined) return null
  if (setup === 'failed')
    return (
      <EmptyState
        fills
        withMark
        title={t('setup.failed')}
        action={<Button onClick={() => location.reload()}>{t('common.reload')}</Button>}
      />
    )
  const { data_dir: dataDir, server_name: serverName } = setup
  if (dataDir === undefined) return <EmptyState fills withMark title={t('setup.closed')} text={t('setup.closedText')} />
  return <Questions http={http} onSession={onSession} dataDir={dataDir} fixedServer={serverName} />
}

type QuestionsProps = OnboardingProps & { dataDir: string; fixedServer: string | undefined }

function Questions({ http, onSession, dataDir, fixedServer }: QuestionsProps) {
  const [answers, setAnswers] = useState<Answers>({ ...noAnswers, serverName: fixedServer ?? '' })
  const [step, setStep] = useState<Step>('name')
  const [problems, setProblems] = useState<Problems>({})
  const [refusal, setRefusal] = useState<string>()
  const [isBusy, setIsBusy] = useState(false)
  const title = useRef<HTMLHeadingElement>(null)
  const steps = allSteps.filter((each) => each !== 'server' || fixedServer === undefined)
  const at = steps.indexOf(step)

  // A question with a field has the focus there, and its title is read with it; another one is told by its title.
  useEffect(() => {
    if (step === 'reach' || step === 'ready') title.current?.focus()
  }, [step])

  const change = (changes: Partial<Answers>) => {
    setAnswers({ ...answers, ...changes })
    setProblems({})
    setRefusal(undefined)
  }
  const next = () => {
    if (isBusy) return
    const found = checkStep(step, answers)
    setProblems(found)
    if (Object.keys(found).length > 0) return
    const following = steps[at + 1]
    if (following) setStep(following)
    else void finish()
  }
  const finish = async () => {
    setIsBusy(true)
    setRefusal(undefined)
    try {
      const { session, notesRoomId } = await sendAnswers(http, answers)
      navigate(notesRoomId ? roomPath(notesRoomId) : '/', 'replace')
      onSession(session)
    } catch (error) {
      const isDone = error instanceof MatrixRequestError && error.status === 403
      setRefusal(isDone ? t('setup.already') : explainError(error))
      setIsBusy(false)
      const wrong = stepOfRefusal(error)
      if (wrong) setStep(wrong)
    }
  }

  return (
    <main className={styles.page}>
      <form
        className={styles.card}
        aria-labelledby="setup-question"
        noValidate
        onSubmit={(event) => {
          event.preventDefault()
          next()
        }}
      >
        <header className={styles.head}>
          <div className={styles.progress}>
            <HearthMark size={32} />
            <span>{t('setup.step', { at: at + 1, of: steps.length })}</span>
          </div>
          <h1 ref={title} tabIndex={-1} id="setup-question">
            {t(`setup.${step}.title`)}
          </h1>
          <p>{t(`setup.${step}.text`)}</p>
        </header>
        {step === 'name' && <NameStep answers={answers} problems={problems} onChange={change} />}
        {step === 'server' && <ServerStep answers={answers} problems={problems} onChange={change} />}
        {step === 'password' && <PasswordStep answers={answers} problems={problems} onChange={change} />}
        {step === 'reach' && <ReachStep answers={answers} onChange={change} />}
        {step === 'ready' && <ReadyStep answers={answers} dataDir={dataDir} />}
        {refusal && <Banner tone="bad">{refusal}</Banner>}
        <footer className={styles.foot}>
          {at > 0 && (
            <Button size="large" onClick={() => setStep(steps[at - 1]!)} disabled={isBusy}>
              {t('common.back')}
            </Button>
          )}
          <Button type="submit" variant="primary" size="large" disabled={isBusy}>
            {step === 'ready' ? t(isBusy ? 'setup.finishing' : 'setup.finish') : t('setup.next')}
          </Button>
        </footer>
      </form>
    </main>
  )
}
