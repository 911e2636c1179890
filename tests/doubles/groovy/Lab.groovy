/** What a scenario needs: a controller, agents with a stand-in for ml-release, and the library of this repository. */
class Lab {
    static final String TOOL = '''#!/bin/sh
        echo "ran: $*"
        config=; last=
        for word in "$@"; do [ "$last" = --config ] && config=$word; last=$word; done
        ls -A | sort > "$LAB/seen.$1"
        [ -z "$ML_RELEASE_SIGNING_KEY" ] || cp "$ML_RELEASE_SIGNING_KEY" "$LAB/key.$1"
        cat "$(dirname "$config")/release.yml" > /dev/null || exit 2
        case $config in */*) cd "$(dirname "$config")";; esac
        mkdir -p release
        case $1 in
            prepare) mkdir -p release/data; echo rows > release/data/rows.csv; echo {} > release/dataset.json ;;
            report) mkdir -p release/report; echo "verdict pass, digest 12ab" > release/report/gate.txt
                echo page > release/report/index.html; echo "<testsuites><testcase/></testsuites>" > release/report/junit.xml ;;
            approve) mkdir -p release/production/approvals; echo yes > "release/production/approvals/$ML_RELEASE_APPROVER.json" ;;
            deploy|rollback) mkdir -p release/production; echo {} > release/production/release.json ;;
        esac
        if [ -e "$LAB/hold.$1" ]; then touch "$LAB/held.$1"; while [ -e "$LAB/hold.$1" ]; do sleep 0.02; done; fi
        [ ! -e "$LAB/exit.$1" ] || exit "$(cat "$LAB/exit.$1")"
    '''.stripIndent().trim() + '\n'

    static final String PYTHON = '''#!/bin/sh
        echo "python3: $*"
        [ "$1 $2 $3" = "-m venv --clear" ] || exit 1
        shift
        rm -rf "$3"
        mkdir -p "$3/bin"
        printf '#!/bin/sh\\necho "pip: $* (links: ${PIP_FIND_LINKS:-none})"\\n[ "$2" != ci_lib.locks ] || echo lock.txt\\n' > "$3/bin/python"
        chmod +x "$3/bin/python"
        cp "$LAB/bin/ml-release" "$3/bin/ml-release"
    '''.stripIndent().trim() + '\n'

    static final String TWO_LINES = "@Library('ml-release@v1') _\nmlRelease(approvers: 'alice,bob')\n"

    final File home, root
    final Controller controller
    String text = TWO_LINES
    List<Map> answers = []                              // one for each input; the last one again when they run out

    Lab(File root, File home) {
        this.root = root; this.home = home
        program('ml-release', TOOL)
        program('python3', PYTHON)
        program('make', '#!/bin/sh\nmkdir -p dist; echo wheel > dist/ml_release-1.whl\n')
        controller = new Controller(home, [PATH: "${home}/bin:/usr/bin:/bin".toString(), LAB: home.path, HOME: home.path])
        controller.scm = new FakeScm()
        controller.libraries['ml-release'] = new File(root, 'templates/jenkins')
        controller.credentials = [
            'ml-release-jenkins': [kind: 'usernamePassword', username: 'robot', password: 't0ken-of-the-robot'],
            'ml-release-gate': [kind: 'file', text: 'PRIVATE KEY OF THE GATE'],
            'ml-release-deploy': [kind: 'file', text: 'PRIVATE KEY OF THE DEPLOYER'],
        ]
        controller.onInput = { Build build, Map asked -> answers.size() > 1 ? answers.remove(0) : answers ? answers[0] : approve('alice') }
    }

    static Map approve(String who, Map more = [:]) { [user: who, params: [decision: 'approve', reason: 'read it', accept: ''] + more] }
    static Map reject(String who, String reason) { [user: who, params: [decision: 'reject', reason: reason, accept: '']] }

    void program(String name, String body) { File to = new File(home, "bin/$name"); to.parentFile.mkdirs(); to.text = body; to.setExecutable(true) }
    void ends(String stage, int code) { new File(home, "exit.$stage").text = "$code" }
    void hold(String stage) { new File(home, "hold.$stage").text = '' }
    void letGo(String stage) { new File(home, "hold.$stage").delete() }
    List<String> seen(String stage) { new File(home, "seen.$stage").readLines() }

    Lab calls(String arguments) { text = "@Library('ml-release@v1') _\nmlRelease($arguments)\n"; this }
    Lab own(String jenkinsfile) { text = "@Library('ml-release@v1') _\n" + jenkinsfile; this }

    Build build(Map params = [:], Map env = [:]) { controller.start(params, [env: env]).run(text) }

    /** A build that runs beside the scenario. */
    Running beside(Map params = [:]) { Build build = controller.start(params); new Running(build, Thread.startDaemon { build.run(text) }) }

    /** Somebody else's turn at a lock, behind those who wait already: the scenario says when it is over. */
    Closure turn(String lock) {
        Build other = new Build(controller, 0, [:], [:])
        List<Build> queue = controller.lock(lock)
        queue << other
        return { queue.remove(other) }
    }

    static void until(String what, Closure<Boolean> met) {
        for (int tries = 0; tries < 6000; tries++) { if (met()) return; Thread.sleep(10) }
        throw new AssertionError("waited a minute for: $what")
    }
}
