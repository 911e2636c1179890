/** One build: where it is, what it holds, and everything that happened, in order. */
class Build {
    final Controller controller
    final int number
    final Map params
    final Map<String, String> globalEnv = [:]           // what `env.NAME = …` set
    final List<Map<String, String>> overrides = []      // of withEnv and its like, outermost first
    final List<Map> events = new java.util.concurrent.CopyOnWriteArrayList<Map>()   // scenarios read while builds write
    final StringBuffer log = new StringBuffer()
    final Map<String, Map<String, byte[]>> stashes = [:]
    final Map<String, Map<String, java.nio.file.Path>> links = [:]    // of a stash: path -> where it points
    final Map<String, byte[]> artifacts = [:]
    final Map<String, Script> vars = [:]
    final Map<String, String> stages = [:]              // name -> how it ended
    final List<Map> timeouts = []
    final List<String> held = []                        // locks
    final List<String> secrets = []
    final Steps steps = new Steps(this)
    final Env env = new Env(this)
    final CurrentBuild currentBuild = new CurrentBuild(this)
    Set<String> executable = [] as Set
    String result, description, stage
    int executors = 0, agents = 0
    File workspace, cwd
    Throwable error
    Closure tell                                        // told what others can see of a build, where somebody listens
    private volatile Interrupted cancelled
    private volatile Thread thread

    Build(Controller controller, int number, Map params, Map more) {
        this.controller = controller; this.number = number; this.params = params
        Map<String, String> job = controller.jobEnv
        String url = "${job.JENKINS_URL}job/${job.JOB_NAME.replace('/', '/job/')}/$number/"
        overrides << job + [BUILD_NUMBER: "$number".toString(), BUILD_URL: url] + params.collectEntries { k, v -> [k, v.toString()] } + more
    }

    /** Runs a Jenkinsfile to its end. */
    Build run(String jenkinsfile) {
        thread = Thread.currentThread()
        try {
            for (used in (jenkinsfile =~ /(?m)^@Library\('([^'@]+)[^']*'\)/).collect { it[1] }) {
                if (!controller.libraries[used]) throw new Refused("Could not find any definition of libraries [$used]")
                load(controller.libraries[used])
            }
            script(Controller.script(jenkinsfile)).run()
        } catch (Throwable thrown) {
            error = thrown
            say("ERROR: ${thrown.message ?: thrown}")
            if (!(thrown instanceof AbortException || thrown instanceof Interrupted)) {
                say(thrown.stackTrace.findAll { it.fileName =~ /groovy$/ }.take(9).join('\n'))
            }
        }
        thread = null
        Thread.interrupted()
        result = Results.worse(result, Results.of(error))
        controller.ended(this)
        say("Finished: $result")
        this
    }

    Script script(Class found) {
        Script made = (Script) found.newInstance()
        made.binding = new Binding([__build: this])
        made
    }

    void load(File root) { Controller.compiled(root).each { name, found -> vars[name] = script(found) } }

    void cancel(Interrupted why) { if (cancelled == null) { cancelled = why; thread?.interrupt() } }

    /** Stops the build where it is, once: what `post` does after that is done, as in Jenkins. */
    void checkCancelled() {
        Interrupted now = cancelled
        if (now == null) return
        cancelled = null
        Thread.interrupted()
        throw now
    }

    void rec(Map event) { events << event + [stage: stage, executors: executors, locks: [] + held] }

    void say(String text) {
        String shown = secrets.findAll { it }.inject(text) { found, secret -> found.replace(secret, '****') }
        for (line in shown.readLines()) { log.append(line).append('\n'); tell?.call([event: 'log', line: line]) }
    }

    /** What a process sees now: Jenkins lets later settings override earlier ones, `PATH+X` prepends, and an empty value removes. */
    Map<String, String> environment() {
        Map<String, String> found = [:]
        List<Map<String, String>> all = (executors > 0 ? [controller.agentEnv] : []) + [overrides[0], globalEnv] + overrides.drop(1)
        for (layer in all) for (entry in layer) {
            String name = entry.key, value = entry.value
            if (value == null || value.isEmpty()) found.remove(name)
            else if (name.contains('+')) { name = name.substring(0, name.indexOf('+')); found[name] = found[name] ? "$value:${found[name]}".toString() : value }
            else found[name] = value
        }
        found
    }

    def within(Map<String, String> more, Closure body) { overrides << more; try { body.call() } finally { overrides.remove(overrides.size() - 1) } }

    /** Holds an executor with an empty workspace of its own: as if every agent were another machine. */
    def onAgent(String label, Closure body) {
        File before = workspace, place = cwd
        executors++
        workspace = cwd = new File(controller.home, "build$number/agent${++agents}/ws")
        workspace.mkdirs()
        rec(step: 'agent', label: label, workspace: workspace.path)
        try { within([WORKSPACE: workspace.path, NODE_NAME: "agent$agents".toString(), NODE_LABELS: label]) { body.call() } }
        finally { executors--; workspace = before; cwd = place }
    }

    /** A stage of any kind, and how it ended. */
    def inStage(String name, Closure body) {
        String before = stage
        stage = name
        stages[name] = 'SUCCESS'
        rec(step: 'stage')
        try { body.call() } catch (Throwable thrown) {
            stages[name] = Results.worse(stages[name], Results.of(thrown))
            throw thrown
        } finally { stage = before }
    }

    void worsen(String to) { result = Results.worse(result, to) }
    void stageEnds(String how) { if (stage) stages[stage] = Results.worse(stages[stage], how) }
    List<Map> of(String step) { events.findAll { it.step == step } }
    /** The commands of ml-release, without what prepares for them. */
    List<Map> ours() { of('sh').findAll { it.env.ML_RELEASE_STAGE } }
    List<String> commands() { of('sh')*.command.findAll() }
}

/** `env`: reads what the context has, writes for the whole build. */
class Env {
    private final Build build
    Env(Build build) { this.build = build }
    def getProperty(String name) { this.@build.environment()[name] }
    void setProperty(String name, Object value) { this.@build.globalEnv[name] = value == null ? '' : value.toString() }
}

/** `currentBuild`, as the sandbox lets it be used. */
class CurrentBuild {
    private final Build build
    CurrentBuild(Build build) { this.build = build }
    String getResult() { build.result }
    void setResult(String to) { build.worsen(to) }
    String getCurrentResult() { build.result ?: 'SUCCESS' }
    String getDescription() { build.description }
    void setDescription(String text) { build.description = text }
    int getNumber() { build.number }
    def getRawBuild() { throw new Refused('Scripts not permitted to use method RunWrapper getRawBuild') }
}
