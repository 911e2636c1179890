/** The Jenkins that builds of one job share: its number, milestones, locks, credentials, libraries, and where agents' workspaces are. */
class Controller {
    final File home
    final Map<String, String> agentEnv                  // of every agent: PATH first of all
    Map<String, Map> credentials = [:]                  // id -> [kind: 'usernamePassword', username:, password:] or [kind: 'file', text:]
    Map<String, File> libraries = [:]                   // what the controller's settings name, for @Library
    Object scm                                          // materialise(directory, commit, sparse) -> commit
    Map<String, String> jobEnv = [JOB_NAME: 'loans', JENKINS_URL: 'http://127.0.0.1:8080/']
    Closure onInput = { Build build, Map input -> throw new Refused('nobody answers the input') }
    List<Build> builds = []
    List<Map> mails = []

    private final Map<Integer, Integer> milestones = [:]
    private final Map<String, List<Build>> locks = [:]
    private static final Map<String, Map<String, Class>> COMPILED = Collections.synchronizedMap([:])

    Controller(File home, Map<String, String> agentEnv) { this.home = home; this.agentEnv = agentEnv }

    synchronized Build start(Map params = [:], Map more = [:]) {
        Build build = new Build(this, more.number ?: builds.size() + 1, params, more.env ?: [:])
        builds << build
        milestones[build.number] = null
        build
    }

    /** As MilestoneStepExecution.getBuildsToCancel: of running builds, the older ones that are not as far; this one, if a newer is. */
    synchronized void pass(Build build, int ordinal) {
        if (milestones[build.number] != null && milestones[build.number] >= ordinal) {
            throw new AbortException("Invalid ordinal $ordinal, as the previous one was ${milestones[build.number]}")
        }
        milestones[build.number] = ordinal
        cancelBehind(build.number, ordinal)
        if (milestones.any { it.key > build.number && it.value != null && it.value >= ordinal }) cancel(build.number)
    }

    /** As MilestoneStepExecution.Listener.onCompleted: a build that ends takes with it the older ones that are not further. */
    synchronized void ended(Build build) {
        Integer last = milestones.remove(build.number)
        if (last != null) cancelBehind(build.number, last + 1)
    }

    private void cancelBehind(int number, int ordinal) {
        milestones.findAll { it.key < number && (it.value == null || it.value < ordinal) }.keySet().each { cancel(it) }
    }

    private void cancel(int number) { builds.find { it.number == number }.cancel(new Interrupted('NOT_BUILT', 'superseded at a milestone')) }

    /** Who holds a lock, and behind it who waits: in the order in which they came, as Lockable Resources does by itself. */
    synchronized List<Build> lock(String name) {
        if (locks[name] == null) locks[name] = new java.util.concurrent.CopyOnWriteArrayList<Build>()
        locks[name]
    }

    /** The classes of a library's vars, by name; compiled once for all builds. */
    static Map<String, Class> compiled(File root) {
        String key = content(root)
        if (COMPILED[key] == null) {
            GroovyClassLoader loader = loader(new File(root, 'src'))
            COMPILED[key] = new File(root, 'vars').listFiles().findAll { it.name.endsWith('.groovy') }.sort { it.name }
                .collectEntries { [it.name - '.groovy', loader.parseClass(it)] }
        }
        COMPILED[key]
    }

    private static String content(File root) {
        List texts = []
        root.eachFileRecurse(groovy.io.FileType.FILES) { if (it.name.endsWith('.groovy')) texts << it.path.substring(root.path.length()) + it.text }
        texts.sort().join('\n')
    }

    static Class script(String text) {
        String key = "script ${text.hashCode()}"
        if (COMPILED[key] == null) COMPILED[key] = [script: loader(null).parseClass(text, 'WorkflowScript.groovy')]
        COMPILED[key].script
    }

    private static GroovyClassLoader loader(File sources) {
        def settings = new org.codehaus.groovy.control.CompilerConfiguration(scriptBaseClass: 'PipelineScript')
        GroovyClassLoader made = new GroovyClassLoader(Controller.classLoader, settings)
        if (sources != null && sources.directory) made.addURL(sources.toURI().toURL())
        made
    }
}
