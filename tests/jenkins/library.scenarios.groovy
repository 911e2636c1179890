// The shared library's whole pipeline, as a Jenkins would run it. `lab` is new for each scenario (tests/doubles/groovy/Lab.groovy).
import static Lab.approve
import static Lab.reject

// --- the way through

scenario('a release runs every stage in order') { lab ->
    Build build = lab.build()
    assert build.result == 'SUCCESS'
    assert build.ours()*.env*.ML_RELEASE_STAGE == ['prepare', 'train', 'validate', 'report', 'approve', 'deploy', 'monitor']
    assert build.stages.findAll { it.value == 'SUCCESS' }.keySet() == ['candidate', 'prepare', 'train', 'validate', 'report', 'approve', 'deploy', 'monitor'] as Set
    assert build.stages.rollback == 'SKIPPED' && build.stages.audit == 'SKIPPED'
}

scenario('the first build of a job has no parameters yet, and is a release') { lab ->
    Build build = lab.controller.start([:]).run(lab.text)
    assert build.of('parameters')[0].names == ['ACTION', 'TO', 'REASON', 'ENVIRONMENT']
    assert build.params.ACTION == 'release' && build.result == 'SUCCESS'
}

scenario('while a person is waited for no executor and no lock is held') { lab ->
    lab.calls("approvers: 'alice', required: 2")
    lab.answers = [approve('alice'), approve('bob')]
    List<Map> asked = lab.build().of('input')
    assert asked.size() == 2
    assert asked.every { it.executors == 0 && it.locks == [] }
}

scenario('the wait has a limit of its own, and nothing else has one') { lab ->
    lab.calls("approvers: 'alice', timeoutHours: 5")
    Build build = lab.build()
    assert build.of('input')[0].timeouts == [[time: 5, unit: 'HOURS']]
    assert build.of('timeout').size() == 1
}

scenario('the input is what the contract says') { lab ->
    Map asked = lab.build().of('input')[0]
    assert asked.id == 'MlRelease' && asked.submitter == 'alice,bob' && asked.submitterParameter == 'approver'
    assert asked.parameters*.name == ['decision', 'reason', 'accept']
    assert asked.parameters[0].choices == ['approve', 'reject']
}

scenario('the message has verdict, digest and the link of the report') { lab ->
    String message = lab.build().of('input')[0].message
    assert message == 'verdict pass, digest 12ab\nReport: http://127.0.0.1:8080/job/loans/1/artifact/release/report/jenkins.html'
}

scenario('the link to answer is told before the wait') { lab ->
    lab.calls("approvers: 'alice', mail: 'risk@bank.example', notify: { text -> echo('chat: ' + text.readLines().last()) }")
    Build build = lab.build()
    String link = 'http://127.0.0.1:8080/job/loans/1/input/'
    int waits = build.log.indexOf('Input requested')
    assert 0 <= build.log.indexOf(link) && build.log.lastIndexOf(link) < waits
    assert build.log.contains("chat: Answer, within 72 hours: $link")
    assert lab.controller.mails.size() == 1 && lab.controller.mails[0].to == 'risk@bank.example' && lab.controller.mails[0].body.contains(link)
    assert build.events.findIndexOf { it.step == 'mail' } < build.events.findIndexOf { it.step == 'input' }
}

scenario('that nobody could be told does not stop the gate') { lab ->
    lab.calls("approvers: 'alice', notify: { text -> error('the chat is down') }")
    Build build = lab.build()
    assert build.result == 'SUCCESS' && build.stages.approve == 'UNSTABLE'
    assert build.log.contains('the approvers were not told the chat is down')
}

// --- what is said at the gate

scenario('what was said reaches approve, and nothing of the same name from elsewhere') { lab ->
    lab.answers = [approve('bob', [reason: 'looks right', accept: 'impact_ratio;roc_auc'])]
    Build build = lab.build([:], [ML_RELEASE_WAIVE: 'everything', ML_RELEASE_CONDITION: 'none', ML_RELEASE_REASON: 'by whoever started it'])
    Map env = build.of('sh').find { it.env.ML_RELEASE_STAGE == 'approve' }.env
    assert env.ML_RELEASE_APPROVER == 'bob' && env.ML_RELEASE_DECISION == 'approve'
    assert env.ML_RELEASE_REASON == 'looks right' && env.ML_RELEASE_ACCEPT == 'impact_ratio;roc_auc'
    assert !env.containsKey('ML_RELEASE_WAIVE') && !env.containsKey('ML_RELEASE_CONDITION')
}

scenario('words are data: no shell reads them') { lab ->
    String evil = '$(touch pwned) `touch pwned` "; touch pwned; \' ${ML_RELEASE_JENKINS_TOKEN}'
    lab.answers = [approve('alice', [reason: evil])]
    Build build = lab.build()
    Map ran = build.of('sh').find { it.env.ML_RELEASE_STAGE == 'approve' }
    assert ran.env.ML_RELEASE_REASON == evil
    assert !ran.command.contains('pwned')
    assert !new File(ran.cwd, 'pwned').exists()
    assert build.result == 'SUCCESS'
}

scenario('waivers are asked for where the settings say so') { lab ->
    lab.calls("approvers: 'alice', waivers: true")
    lab.answers = [approve('alice', [waive: 'latency', owner: 'risk team', until: '2027-01-31', waive_reason: 'old hardware', condition: 'watch it\nweekly'])]
    Build build = lab.build()
    assert build.of('input')[0].parameters*.name == ['decision', 'reason', 'accept', 'waive', 'owner', 'until', 'waive_reason', 'condition']
    Map env = build.of('sh').find { it.env.ML_RELEASE_STAGE == 'approve' }.env
    assert [env.ML_RELEASE_WAIVE, env.ML_RELEASE_OWNER, env.ML_RELEASE_UNTIL] == ['latency', 'risk team', '2027-01-31']
    assert env.ML_RELEASE_CONDITION == 'watch it\nweekly'
}

scenario('two approvals are asked one after the other, and the second knows of the first') { lab ->
    lab.calls("approvers: 'alice,bob', required: 2")
    lab.answers = [approve('alice'), approve('bob')]
    Build build = lab.build()
    assert build.of('sh').findAll { it.env.ML_RELEASE_STAGE == 'approve' }*.env*.ML_RELEASE_APPROVER == ['alice', 'alice;bob']
    assert build.stashes['ml-release-approved'].keySet().containsAll(['release/production/approvals/alice.json', 'release/production/approvals/alice;bob.json'])
}

scenario('a bare name instead of a form is passed on as a claim, with no decision') { lab ->
    lab.answers = [[user: 'alice']]
    lab.ends('approve', 3)
    Build build = lab.build()
    Map env = build.of('sh').find { it.env.ML_RELEASE_STAGE == 'approve' }.env
    assert env.ML_RELEASE_APPROVER == 'alice' && !env.containsKey('ML_RELEASE_DECISION')
    assert build.result == 'FAILURE' && build.stages.deploy == 'SKIPPED'
}

scenario('nothing at all from the input is an approver of no name') { lab ->
    lab.answers = [[:]]
    lab.ends('approve', 3)
    Build build = lab.build()
    assert !build.of('sh').find { it.env.ML_RELEASE_STAGE == 'approve' }.env.containsKey('ML_RELEASE_APPROVER')
    fails(build, 'ml-release approve: refused (exit 3)')
}

scenario('a form without an approver is one, too') { lab ->
    lab.answers = [[params: [decision: 'approve', reason: 'me', accept: '']]]
    lab.ends('approve', 3)
    Build build = lab.build()
    assert !build.of('sh').find { it.env.ML_RELEASE_STAGE == 'approve' }.env.containsKey('ML_RELEASE_APPROVER')
    assert build.result == 'FAILURE'
}

// --- exit codes

scenario('a failed verdict: a red stage, a published report, nobody is asked') { lab ->
    lab.ends('validate', 10)
    Build build = lab.build()
    assert build.result == 'FAILURE' && build.stages.validate == 'FAILURE' && build.stages.report == 'SUCCESS'
    assert build.artifacts.containsKey('release/report/index.html') && build.of('junit')[0].files == ['release/report/junit.xml']
    assert !build.of('input') && build.stages.approve == 'SKIPPED' && build.stages.deploy == 'SKIPPED'
}

scenario('an inconclusive verdict: unstable, and a person is asked') { lab ->
    lab.ends('validate', 11)
    Build build = lab.build()
    assert build.result == 'UNSTABLE' && build.stages.validate == 'UNSTABLE' && build.stages.deploy == 'SUCCESS'
    assert build.of('unstable')[0].message == 'ml-release validate: verdict inconclusive (exit 11)'
}

scenario('no approval yet: aborted, with the reason') { lab ->
    lab.ends('deploy', 12)
    Build build = lab.build()
    assert build.result == 'ABORTED' && build.description == 'ml-release deploy: no approval yet (exit 12)'
    assert build.stages.monitor == 'SKIPPED'
}

scenario('a rejection with a reason: aborted, with who and why') { lab ->
    lab.answers = [reject('bob', 'the holdout is from March')]
    lab.ends('approve', 13)
    Build build = lab.build()
    assert build.result == 'ABORTED' && build.stages.deploy == 'SKIPPED'
    assert build.description == 'ml-release approve: rejected by a person (exit 13): bob: the holdout is from March'
    fails(build, 'bob: the holdout is from March')
    assert build.artifacts.containsKey('release/production/approvals/bob.json')
}

[1: 'a bug of ml-release', 2: 'bad input', 3: 'refused', 4: 'a service did not answer', 127: 'interrupted, or not there', 143: 'interrupted, or not there'].each { code, meaning ->
    scenario("exit code $code ends the build, and is told apart") { lab ->
        lab.ends('train', code)
        Build build = lab.build()
        assert build.result == 'FAILURE' && build.stages.train == 'FAILURE' && build.stages.validate == 'SKIPPED' && build.stages.approve == 'SKIPPED'
        fails(build, "ml-release train: $meaning (exit $code)")
    }
}

scenario('a verdict that fails stops a script of your own after its validation, and anything else at once') { lab ->
    lab.ends('validate', 10)
    lab.ends('monitor', 10)
    Build build = lab.own("node { checkout(scm); mlReleaseStage('validate'); echo('after validate'); mlReleaseStage('monitor'); echo('after monitor') }").build()
    assert build.result == 'FAILURE' && build.log.contains('after validate') && !build.log.contains('after monitor')
}

scenario('each command leaves one line with its exit code, which trigger reads') { lab ->
    lab.ends('validate', 11)
    List<String> lines = lab.build().log.readLines().findAll { it.startsWith('[ml-release] ') }
    assert lines == ['prepare', 'train', 'validate', 'report', 'approve', 'deploy', 'monitor'].collect { "[ml-release] $it ended with exit code ${it == 'validate' ? 11 : 0}".toString() }
}

scenario('an inconclusive deploy releases nothing, and nothing is watched') { lab ->
    lab.calls('gate: false')
    lab.ends('deploy', 11)
    Build build = lab.build()
    assert build.result == 'UNSTABLE' && build.stages.monitor == 'SKIPPED'
}

scenario('a breach right after a deploy makes the build red') { lab ->
    lab.ends('monitor', 10)
    Build build = lab.build()
    assert build.result == 'FAILURE' && build.stages.deploy == 'SUCCESS' && build.stages.monitor == 'FAILURE'
}

scenario('when training fails what there is is published, and the build ends with the failure of training') { lab ->
    lab.ends('train', 2)
    Build build = lab.build()
    assert build.artifacts.containsKey('release/dataset.json') && !build.artifacts.containsKey('release/report/index.html')
    fails(build, 'ml-release train: bad input (exit 2)')
}

// --- how a wait ends otherwise

scenario('the abort button: aborted, and approve never ran') { lab ->
    lab.answers = [[abort: 'carol']]
    Build build = lab.build()
    assert build.result == 'ABORTED' && build.stages.approve == 'ABORTED' && build.stages.deploy == 'SKIPPED'
    assert !build.of('sh').any { it.env.ML_RELEASE_STAGE == 'approve' }
    fails(build, 'Rejected by carol')
}

scenario('the time runs out: aborted, and approve never ran') { lab ->
    lab.answers = [[timeout: true]]
    Build build = lab.build()
    assert build.result == 'ABORTED' && !build.of('sh').any { it.env.ML_RELEASE_STAGE == 'approve' }
    fails(build, 'Timeout has been exceeded')
}

scenario('an approved newer build ends the older one that waits') { lab ->
    def lines = new java.util.concurrent.SynchronousQueue()
    lab.controller.onInput = { build, asked -> build.number == 1 ? lines.take() : approve('bob') }
    Running older = lab.beside()
    older.reaches('input')
    assert lab.build().result == 'SUCCESS'
    assert older.ended().result == 'NOT_BUILT' && !older.build.of('lock')
    fails(older.build, 'superseded at a milestone')
    assert older.build.stages.approve == 'NOT_BUILT' && older.build.stages.deploy == 'SKIPPED'
}

scenario('a newer build that was turned down takes the older one that waits with it') { lab ->
    lab.controller.onInput = { build, asked -> build.number == 1 ? new java.util.concurrent.SynchronousQueue().take() : [abort: 'bob'] }
    Running older = lab.beside()
    older.reaches('input')
    assert lab.build().result == 'ABORTED'
    assert older.ended().result == 'NOT_BUILT'
}

scenario('a newer build that waits leaves the older one waiting') { lab ->
    def lines = [1: new java.util.concurrent.SynchronousQueue(), 2: new java.util.concurrent.SynchronousQueue()]
    lab.controller.onInput = { build, asked -> lines[build.number].take() }
    Running older = lab.beside()
    older.reaches('input')
    Running newer = lab.beside()
    newer.reaches('input')
    lines[1].put(approve('alice'))
    assert older.ended().result == 'SUCCESS'
    lines[2].put(approve('bob'))
    assert newer.ended().result == 'SUCCESS'
}

scenario('a build that deploys is not ended by a newer one that was approved') { lab ->
    lab.hold('deploy')
    Running older = lab.beside()
    Lab.until('deploy') { new File(lab.home, 'held.deploy').exists() }
    Closure between = lab.turn('ml-release loans')
    Running newer = lab.beside()
    newer.reaches('waits for lock')
    lab.letGo('deploy')
    assert older.ended().result == 'SUCCESS'
    between()
    assert newer.ended().result == 'SUCCESS'
}

scenario('a rollback that waits for the lock is not ended by a newer release') { lab ->
    lab.hold('deploy')
    Running deploying = lab.beside()
    Lab.until('deploy') { new File(lab.home, 'held.deploy').exists() }
    Closure first = lab.turn('ml-release loans')
    Running rollback = lab.beside([ACTION: 'rollback', REASON: 'wrong scores'])
    rollback.reaches('waits for lock')
    Closure second = lab.turn('ml-release loans')
    Running newer = lab.beside()
    newer.reaches('waits for lock')
    lab.letGo('deploy')
    assert deploying.ended().result == 'SUCCESS'
    first()
    assert rollback.ended().result == 'SUCCESS'
    second()
    assert newer.ended().result == 'SUCCESS'
    assert rollback.build.ours().size() == 1
}

scenario('a release that is watched is not ended by the rollback that takes it back') { lab ->
    lab.hold('monitor')
    Running released = lab.beside()
    Lab.until('monitor') { new File(lab.home, 'held.monitor').exists() }
    assert lab.build([ACTION: 'rollback', REASON: 'wrong scores']).result == 'SUCCESS'
    lab.letGo('monitor')
    assert released.ended().result == 'SUCCESS'
}

scenario('a rollback ends what waits at the gate: it was measured against the champion that goes') { lab ->
    lab.controller.onInput = { build, asked -> new java.util.concurrent.SynchronousQueue().take() }
    Running waiting = lab.beside()
    waiting.reaches('input')
    assert lab.build([ACTION: 'rollback', REASON: 'wrong scores']).result == 'SUCCESS'
    assert waiting.ended().result == 'NOT_BUILT'
}

// --- the lock

scenario('the lock is waited for without an executor, and held around deploy alone') { lab ->
    Build build = lab.build()
    assert build.of('waits for lock').size() == 1 && build.of('waits for lock')[0].executors == 0
    assert build.of('lock')*.name == ['ml-release loans']
    assert build.ours().findAll { it.locks }*.env*.ML_RELEASE_STAGE == ['deploy']
}

scenario('the lock is one for all environments of a job, or the one that is named: however a build names its environment') { lab ->
    lab.calls("approvers: 'alice', environment: 'staging'")
    assert [lab.build(), lab.build([ENVIRONMENT: 'production']), lab.build([ENVIRONMENT: ' production'])]*.of('lock')*.name.flatten().toSet() == ['ml-release loans'] as Set
    lab.calls("approvers: 'alice', lock: 'mine'")
    assert lab.build().of('lock')*.name == ['mine']
}

// --- rollback and audit

scenario('a rollback trains nothing, asks nobody, and says why') { lab ->
    Build build = lab.build([ACTION: 'rollback', TO: '3', REASON: 'wrong scores; $(reboot)'])
    assert build.result == 'SUCCESS' && !build.of('input')
    assert build.ours().size() == 1
    assert build.log.contains('ran: rollback --config release.yml --to=3 --reason=wrong scores; $(reboot)')
    assert build.ours()[0].locks == ['ml-release loans']
    assert build.artifacts.keySet() == ['release/production/release.json'] as Set
}

scenario('a rollback without a number goes to the last good one') { lab ->
    assert lab.build([ACTION: 'rollback', TO: ' ', REASON: 'wrong scores']).log.contains('ran: rollback --config release.yml --reason=wrong scores')
}

scenario('a reason may begin with a dash') { lab ->
    assert lab.build([ACTION: 'rollback', REASON: '-5 points of recall']).log.contains('ran: rollback --config release.yml --reason=-5 points of recall')
}

scenario('an action that there is none of is no green build') { lab ->
    Build build = lab.build([ACTION: 'rolback', REASON: 'wrong scores'])
    fails(build, 'no ACTION is called rolback; there are release, rollback, audit')
    assert !build.of('agent') && !build.of('milestone')
}

scenario('a rollback without a reason is what ml-release refuses') { lab ->
    lab.ends('rollback', 2)
    Build build = lab.build([ACTION: 'rollback', REASON: ''])
    assert build.log.contains('ran: rollback --config release.yml --reason=')
    fails(build, 'ml-release rollback: bad input (exit 2)')
}

scenario('an audit holds no lock and passes no milestone') { lab ->
    Build build = lab.build([ACTION: 'audit'])
    assert build.result == 'SUCCESS' && build.ours()*.env*.ML_RELEASE_STAGE == ['audit']
    assert !build.of('lock') && !build.of('milestone')
}

scenario('the environment of a build goes before the settings') { lab ->
    lab.calls("approvers: 'alice', environment: 'production'")
    Build build = lab.build([ACTION: 'rollback', REASON: 'x', ENVIRONMENT: 'staging'])
    assert build.log.contains('ran: rollback --config release.yml --environment=staging --reason=x')
}

// --- keys, and whose code is where

scenario('where keys are there is no file of the authors but release.yml') { lab ->
    lab.calls("approvers: 'alice', credentials: [deploy: 'ml-release-deploy']")
    lab.build()
    lab.build([ACTION: 'rollback', REASON: 'x'])
    lab.build([ACTION: 'audit'])
    assert lab.seen('train').contains('model.py')
    assert lab.seen('approve') == ['release', 'release.yml'] && lab.seen('deploy') == ['release', 'release.yml']
    assert lab.seen('rollback') == ['release.yml'] && lab.seen('audit') == ['release.yml']
}

scenario('what an earlier stage left in the workspace is gone before a key comes') { lab ->
    assert lab.own("node { checkout(scm); mlReleaseTrusted('deploy', [:], '') { mlReleaseStage('audit') } }").build().result == 'SUCCESS'
    assert lab.seen('audit') == ['release.yml']
}

scenario('keys are bound for the command alone, each to the job it is for') { lab ->
    lab.calls("approvers: 'alice', credentials: [deploy: 'ml-release-deploy']")
    Build build = lab.build()
    Map with = build.ours().collectEntries { [it.env.ML_RELEASE_STAGE, it.env.keySet().findAll { it =~ /TOKEN|PASSWORD|KEY/ }] }
    assert with.findAll { it.value }.keySet() == ['approve', 'deploy'] as Set
    assert build.of('checkout').every { !it.secrets }
    assert build.of('checkout').findAll { it.sparse == null }*.stage == ['prepare']
    Map<String, Object> keys = build.of('withCredentials').groupBy { it.stage }
    assert keys.approve[0].names.contains('ML_RELEASE_SIGNING_KEY') && keys.deploy[0].names.contains('ML_RELEASE_SIGNING_KEY')
    assert new File(lab.home, 'key.approve').text == 'PRIVATE KEY OF THE GATE'
    assert new File(lab.home, 'key.deploy').text == 'PRIVATE KEY OF THE DEPLOYER'
}

scenario('no credential that is named is left out in silence') { lab ->
    lab.controller.credentials.remove('ml-release-gate')
    fails(lab.build(), "Could not find credentials entry with ID 'ml-release-gate'")
}

scenario('passwords of MLflow: one for the candidate, another where the keys are') { lab ->
    lab.controller.credentials['mlflow-deploy'] = [kind: 'usernamePassword', username: 'deployer', password: 'pw-deploy']
    lab.controller.credentials['mlflow-train'] = [kind: 'usernamePassword', username: 'trainer', password: 'pw-train']
    lab.calls("approvers: 'alice', credentials: [mlflow: 'mlflow-deploy', candidateMlflow: 'mlflow-train'], mlflow: 'https://mlflow.example'")
    Map who = lab.build().ours().collectEntries { [it.env.ML_RELEASE_STAGE, "$it.env.MLFLOW_TRACKING_USERNAME at $it.env.MLFLOW_TRACKING_URI".toString()] }
    assert who.train == 'trainer at https://mlflow.example' && who.deploy == 'deployer at https://mlflow.example' && who.monitor == who.train
}

scenario('a link among the records leads to no key: neither to the archive nor into a stash') { lab ->
    // Where the code of the team runs, a file lies where the key agent has the directory of its secret files.
    lab.program('ml-release', Lab.TOOL.replace('prepare)', '''train) mkdir -p "$WORKSPACE@tmp" release/production/approvals
                touch "$WORKSPACE@tmp/secretFiles"; ln -s ../../../../ws@tmp/secretFiles release/production/approvals/innocent ;;
            prepare)'''))
    Build build = lab.build()
    Map<String, byte[]> kept = build.artifacts + build.stashes.values().inject([:]) { all, one -> all + one }
    assert kept.findAll { path, data -> new String(data, 'UTF-8').contains('PRIVATE KEY') }.keySet() == [] as Set
    assert build.log.contains('release/production/approvals/innocent')
    assert build.result == 'SUCCESS'
}

scenario('no secret is in the log') { lab ->
    lab.program('ml-release', Lab.TOOL + 'env\ncat "$ML_RELEASE_SIGNING_KEY" 2>/dev/null || true\n')
    String log = lab.build().log
    assert log.contains('ML_RELEASE_JENKINS_TOKEN=****') && !log.contains('t0ken-of-the-robot')
}

scenario('files of keys are gone after the command') { lab ->
    lab.build()
    assert !new File(lab.home, 'build1').listFiles().any { new File(it, 'ws@tmp/secretFiles').exists() && new FileNameFinder().getFileNames(it.path, '**/secretFiles/**') }
}

scenario('the rows are neither archived nor sent to where the keys are') { lab ->
    Build build = lab.build()
    assert build.of('sh').find { it.env.ML_RELEASE_STAGE == 'prepare' }.code == 0
    assert !build.artifacts.keySet().any { it.contains('data/') } && !build.stashes.values()*.keySet().flatten().any { it.contains('data/') }
}

scenario('every stage is about the commit that was trained') { lab ->
    Build build = lab.build()
    assert build.of('checkout')*.commit.toSet().size() == 1
    assert build.of('checkout').findAll { it.sparse }*.wanted.toSet() == [lab.controller.scm.commit] as Set
}

scenario('agents: one label for what runs the code of the team, another for what gets keys') { lab ->
    lab.calls("approvers: 'alice', agent: 'python', deployAgent: 'vault'")
    assert lab.build().of('agent').collectEntries { [it.stage, it.label] } == [candidate: 'python', approve: 'vault', deploy: 'vault', monitor: 'python']
    lab.calls("approvers: 'alice', agent: 'python'")
    assert lab.build().of('agent')*.label.toSet() == ['python'] as Set
}

// --- settings

[
    "approvers: ''": "nobody may approve",
    'required: 1': 'nobody may approve',
    "approver: 'alice'": 'no setting is called approver; there are config',
    "approvers: 'alice', credentials: [gatekey: 'x']": 'no credential is called gatekey; there are jenkins',
    "approvers: 'alice', timeoutHours: 0": 'timeoutHours is 0, and must be a whole number from 1',
    "approvers: 'alice', required: 'two'": 'required is two, and must be a whole number from 1',
    "approvers: 'alice', config: '../release.yml'": 'must be a path in the repository',
    "approvers: 'alice', config: '/etc/release.yml'": 'must be a path in the repository',
].each { arguments, sentence ->
    scenario("mlRelease($arguments) is refused before anything runs") { lab ->
        Build build = lab.calls(arguments).build()
        fails(build, sentence)
        assert build.result == 'FAILURE' && !build.of('agent')
    }
}

scenario('the gate by itself refuses to ask nobody, too') { lab ->
    fails(lab.own("mlReleaseQuestion([:])").build(), 'nobody may approve')
}

scenario('a change request ends with its report') { lab ->
    Build build = lab.build([:], [CHANGE_ID: '17', CHANGE_TARGET: 'main'])
    assert build.result == 'SUCCESS' && build.stages.report == 'SUCCESS' && !build.of('input') && build.stages.deploy == 'SKIPPED'
}

scenario('without a gate deploy goes by what was validated, and asks the policy') { lab ->
    Build build = lab.calls('gate: false').build()
    assert build.result == 'SUCCESS' && !build.of('input')
    assert build.of('unstash')*.name == ['ml-release-records']
}

scenario('the policy is read at the protected branch, or where the settings say') { lab ->
    assert lab.build().ours()*.env*.ML_RELEASE_POLICY_FROM.toSet() == ['origin/main'] as Set
    assert lab.calls("approvers: 'alice', policyFrom: 'origin/master'").build().ours()*.env*.ML_RELEASE_POLICY_FROM.toSet() == ['origin/master'] as Set
    assert lab.calls("approvers: 'alice', policyFrom: ''").build().ours()*.env*.ML_RELEASE_POLICY_FROM.toSet() == [null] as Set
}

scenario('release.yml may lie in a directory, and its artifacts have no other names') { lab ->
    lab.controller.scm.files = ['ml/loans/release.yml': 'model: loans\n', 'ml/loans/model.py': 'code\n']
    lab.calls("approvers: 'alice', config: 'ml/loans/release.yml'")
    Build build = lab.build()
    assert build.result == 'SUCCESS' && build.artifacts.containsKey('release/report/index.html')
    assert build.log.contains('ran: deploy --config ml/loans/release.yml')
    assert lab.seen('deploy') == ['ml'] && build.of('input')[0].message.startsWith('verdict pass')
}

scenario('a version is installed: all of it for the team, and where keys are the core, by hash') { lab ->
    lab.calls("approvers: 'alice', version: '1.2.0'")
    Build build = lab.build()
    assert build.result == 'SUCCESS'
    assert build.log.contains('pip: -m pip install --quiet ml-release==1.2.0')
    assert build.log.contains('pip: -m pip install --quiet --no-deps ml-release-core==1.2.0')
    assert build.log.contains('pip: -m pip install --quiet --require-hashes -r ')
    Map install = build.of('sh').findAll { it.label == 'install ml-release' }.groupBy { it.stage }
    assert install.deploy[0].command.contains('--require-hashes') && !install.train[0].command.contains('--require-hashes')
    assert build.of('sh').find { it.env.ML_RELEASE_STAGE == 'deploy' }.env.PATH =~ '^/.*ws@tmp/ml-release-keys/venv/bin:'
    assert build.of('sh').find { it.env.ML_RELEASE_STAGE == 'train' }.env.PATH =~ '^/.*ws@tmp/ml-release/venv/bin:'
    assert build.of('sh').findAll { it.label == 'install ml-release' }.every { it.command.contains('python3 -m venv --clear ') }
}

scenario('wheels can come from a stash') { lab ->
    lab.own('''
        node { writeFile(file: 'ml_release-1.whl', text: 'wheel'); stash(name: 'wheels', includes: '*.whl') }
        node { checkout(scm); mlReleaseCandidate('train', [approvers: 'alice', wheels: 'wheels']) }
    ''')
    Build build = lab.build()
    assert build.result == 'SUCCESS', build.log
    assert build.log =~ 'pip: -m pip install --quiet ml-release [(]links: /.*ws@tmp/ml-release/wheels[)]'
}

scenario('where stages share a machine, what lies beside the workspace reaches no stage with keys') { lab ->
    lab.own('''
        node { writeFile(file: 'ml_release-1.whl', text: 'wheel'); stash(name: 'wheels', includes: '*.whl') }
        node {
            def settings = [approvers: 'alice', wheels: 'wheels']
            checkout(scm)
            mlReleaseCandidate('train', settings)
            for (place in ['ml-release', 'ml-release-keys']) {
                for (part in ['wheels/ml_release_core-99.whl', 'venv/lib/sitecustomize.py']) { writeFile(file: "${pwd(tmp: true)}/$place/$part", text: 'evil') }
            }
            mlReleaseTrusted('deploy', settings, '') { sh 'find "${PATH%%:*}/../.." -type f | sed "s,.*/,found ,"' }
        }
    ''')
    Build build = lab.build()
    assert build.result == 'SUCCESS', build.log
    assert build.log.contains('found ml_release-1.whl') && build.log.contains('found ml-release')
    assert !build.log.contains('found ml_release_core-99.whl') && !build.log.contains('found sitecustomize.py')
}

// --- ways around the gate that Jenkins offers

scenario('stages cannot be restarted, nothing is checked out by itself, and builds do not wait for each other') { lab ->
    assert lab.build().of('pipeline')[0].options == ['disableRestartFromStage', 'skipDefaultCheckout']
}

scenario('deploy takes what approve wrote, and nothing when there is none') { lab ->
    lab.own("node { checkout(scm); mlReleaseDeploy([approvers: 'alice']) }")
    fails(lab.build(), 'No such saved stash ‘ml-release-approved’')
}
