// The harness itself: it refuses what Jenkins refuses, so that a mistake in a Jenkinsfile cannot pass here.

Closure<Build> stage = { Lab lab, String body, String top = '' -> lab.own("pipeline { agent none\n$top\nstages { stage('x') { $body } } }").build() }

[
    'an unknown section': ["agent any; stepz { echo 'x' }", '', 'Undefined section "stepz"'],
    'an unknown step': ["agent any; steps { shell 'true' }", '', "No such DSL method 'shell'"],
    'an unknown argument of a step': ["agent any; steps { sh(script: 'true', quiet: true) }", '', 'Unknown parameter(s) found for sh: quiet'],
    'an argument that is missing': ["agent any; steps { stash(includes: '**') }", '', 'stash needs name'],
    'a block where none belongs': ["agent any; steps { echo('x') { } }", '', 'echo takes no block'],
    'no block where one belongs': ["agent any; steps { dir('x') }", '', 'dir must be called with a body'],
    'steps and stages at once': ["agent any; steps { echo 'x' }; stages { stage('y') { steps { echo 'y' } } }", '', 'Expected one of "steps" or "stages"'],
    'a stage without steps': ['agent any', '', 'Expected one of "steps" or "stages"'],
    'a section that is there twice': ["agent any; steps { echo 'x' }; steps { echo 'y' }", '', 'Multiple occurrences of the steps section'],
    'an unknown option': ["steps { echo 'x' }", 'options { retryForever() }', 'Undefined section "retryForever" in options'],
    'an option that belongs to the pipeline': ["options { buildDiscarder('x') }; steps { echo 'x' }", '', 'Undefined section "buildDiscarder"'],
    'an unknown condition of post': ["steps { echo 'x' }; post { atLast { echo 'x' } }", '', 'Undefined section "atLast"'],
    'an unknown condition of when': ["when { maybe true }; steps { echo 'x' }", '', 'Undefined section "maybe"'],
    'a step that needs an agent, without one': ["steps { sh 'true' }", '', 'Required context class hudson.FilePath is missing'],
    'an agent of an unknown kind': ["agent { labell 'x' }; steps { echo 'x' }", '', 'Undefined section "labell"'],
    'what the sandbox forbids': ['steps { script { currentBuild.rawBuild } }', '', 'not permitted'],
    'an unknown property': ['steps { echo(nowhere) }', '', 'No such property: nowhere'],
    'an input that waits for ever is seen when its time is up': ["steps { input(message: 'x') }", '', 'this input waits for ever'],
    'an id that is none': ["steps { input(message: 'x', id: 'a b') }", '', 'input ID is not allowed'],
    'a milestone that goes back': ['steps { milestone(2); milestone(1) }', '', 'Invalid ordinal 1'],
].each { name, what ->
    scenario("refused: $name") { lab ->
        lab.answers = [[timeout: true]]
        Build build = stage(lab, what[0], what[1])
        fails(build, what[2])
        assert build.result == 'FAILURE'
    }
}

scenario('refused: a pipeline without an agent') { lab -> fails(lab.own("pipeline { stages { stage('x') { steps { echo 'x' } } } }").build(), 'Missing required section "agent"') }
scenario('refused: a library that the controller does not know') { lab -> lab.text = "@Library('other@1') _\necho 'x'\n"; fails(lab.build(), 'Could not find any definition of libraries [other]') }
scenario('refused: a library without a version') { lab -> lab.text = "library(identifier: 'x', retriever: legacySCM(scm: scm))\n"; fails(lab.build(), 'Must specify a version') }

scenario('a checkout comes by itself with an agent, unless it is switched off') { lab ->
    assert stage(lab, "agent any; steps { sh 'test -e model.py; echo commit=\$GIT_COMMIT' }").log.contains('commit=c0ffee')
    assert !stage(lab, "agent any; steps { sh 'test ! -e model.py' }", 'options { skipDefaultCheckout() }').of('checkout')
}

scenario('options come before when, unless beforeOptions says otherwise') { lab ->
    assert stage(lab, "when { expression { false } }; options { lock('x') }; agent any; steps { echo 'x' }").of('lock')
    assert !stage(lab, "when { beforeOptions true; expression { false } }; options { lock('x') }; agent any; steps { echo 'x' }").of('lock')
}

scenario('an agent comes before when, unless beforeAgent says otherwise') { lab ->
    assert stage(lab, "when { expression { false } }; agent any; steps { echo 'x' }").of('agent')
    assert !stage(lab, "when { beforeAgent true; expression { false } }; agent any; steps { echo 'x' }").of('agent')
}

scenario('input gives nothing, a bare value or a map, by how much there is to give') { lab ->
    Closure given = { String arguments, Map answer -> lab.answers = [answer]; lab.own("def got = input(message: 'x'$arguments)\necho(\"got: \${got} \${got?.getClass()?.simpleName}\")\n").build().log.readLines().find { it.startsWith('got: ') } }
    assert given('', [user: 'alice']) == 'got: null null'
    assert given(", submitterParameter: 'who'", [user: 'alice']) == 'got: alice String'
    assert given(", parameters: [string(name: 'a')]", [user: 'alice', params: [a: '1']]) == 'got: 1 String'
    assert given(", submitterParameter: 'who', parameters: [string(name: 'a')]", [user: 'alice', params: [a: '1']]) == 'got: [a:1, who:alice] LinkedHashMap'
    assert given(", submitterParameter: 'who', parameters: [string(name: 'a')]", [user: 'alice']) == 'got: alice String'
}

scenario('a result gets worse, never better') { lab ->
    assert stage(lab, "steps { script { currentBuild.result = 'ABORTED'; currentBuild.result = 'SUCCESS'; error('x') } }").result == 'ABORTED'
    assert stage(lab, "steps { unstable('x'); echo 'goes on' }").result == 'UNSTABLE'
}

scenario('post runs by condition, always first and cleanup last') { lab ->
    String post = "post { cleanup { echo 'post cleanup' }; failure { echo 'post failure' }; success { echo 'post success' }; always { echo 'post always' } }"
    assert stage(lab, "steps { error('x') }; $post").log.readLines().findAll { it.startsWith('post') } == ['post always', 'post failure', 'post cleanup']
    assert stage(lab, "steps { echo 'x' }; $post").log.readLines().findAll { it.startsWith('post') } == ['post always', 'post success', 'post cleanup']
}

scenario('an environment variable that is set to nothing is gone, and PATH+X goes before') { lab ->
    Build build = lab.own('node { withEnv(["A=", "PATH+X=/somewhere"]) { sh(\'echo "A=${A-unset} $PATH"\') } }').build([:], [A: '1'])
    assert build.log =~ /A=unset \/somewhere:\/.*bin/
}

scenario('every agent has a workspace of its own') { lab ->
    assert lab.own("node { writeFile(file: 'x', text: 'x') }\nnode { echo(\"there: \${fileExists('x')}\") }").build().log.contains('there: false')
}

scenario('what a step of the library returns must be serializable') { lab ->
    new File(lab.home, 'lib/vars').mkdirs()
    new File(lab.home, 'lib/vars/matches.groovy').text = "def call() { 'a' =~ /a/ }\n"
    lab.controller.libraries['ml-release'] = new File(lab.home, 'lib')
    fails(lab.own('def found = matches()').build(), 'not serializable: java.util.regex.Matcher')
}

scenario('failed tests make a build unstable') { lab ->
    Build build = lab.own("node { writeFile(file: 'j.xml', text: '<testsuite><testcase><failure/></testcase></testsuite>'); junit('j.xml') }").build()
    assert build.result == 'UNSTABLE' && build.of('junit')[0].failed == 1
}
