import java.nio.file.Files

/** The steps that Jenkins has with the plugins of docs/jenkins.md. An unknown step or argument is refused, as there. */
class Steps {
    /** Step -> its arguments; the first is what a bare value means. `*` is needed. */
    static final Map<String, List<String>> KNOWN = [
        // basic steps
        echo: ['message*'], error: ['message*'], unstable: ['message*'], script: ['{}'], mail: ['to*', 'subject*', 'body*', 'cc', 'from'],
        catchError: ['message', 'buildResult', 'stageResult', 'catchInterruptions', '{}'], timeout: ['time*', 'unit', 'activity', '{}'],
        // where and with what
        node: ['label', '{}'], dir: ['path*', '{}'], pwd: ['tmp'], deleteDir: [], withEnv: ['overrides*', '{}'],
        withCredentials: ['bindings*', '{}'], usernamePassword: ['credentialsId*', 'usernameVariable*', 'passwordVariable*'],
        file: ['credentialsId*', 'variable*'], sh: ['script*', 'label', 'returnStatus', 'returnStdout', 'encoding'],
        // files
        readFile: ['file*', 'encoding'], writeFile: ['file*', 'text*', 'encoding'], fileExists: ['file*'], unstash: ['name*'],
        stash: ['name*', 'includes', 'excludes', 'allowEmpty', 'useDefaultExcludes'],
        archiveArtifacts: ['artifacts*', 'excludes', 'allowEmptyArchive', 'fingerprint'],
        junit: ['testResults*', 'allowEmptyResults', 'skipPublishingChecks'],
        // sources and libraries
        checkout: ['scm*'], library: ['identifier*', 'retriever', 'changelog'], legacySCM: ['scm*', 'libraryPath', 'clone'],
        // people, and other builds
        input: ['message*', 'id', 'ok', 'cancel', 'submitter', 'submitterParameter', 'parameters'],
        choice: ['name*', 'choices*', 'description'], string: ['name*', 'defaultValue', 'description', 'trim'],
        text: ['name*', 'defaultValue', 'description', 'trim'], booleanParam: ['name*', 'defaultValue', 'description'],
        milestone: ['ordinal*', 'label'], lock: ['resource*', 'quantity', '{}'],
    ]
    static final List<String> ON_AGENT = [
        'sh', 'dir', 'stash', 'unstash', 'archiveArtifacts', 'junit', 'readFile', 'writeFile', 'fileExists', 'pwd', 'deleteDir', 'checkout',
    ]
    static final String NO_AGENT = 'Required context class hudson.FilePath is missing: perhaps you forgot to surround the step with node'

    private final Build build
    Steps(Build build) { this.build = build }

    Object call(String name, Object[] given) {
        if (!KNOWN.containsKey(name)) {
            throw new NoSuchMethodError("No such DSL method '$name' found among steps ${KNOWN.keySet().sort()} or globals ${build.vars.keySet().sort()}")
        }
        List args = given as List
        Closure body = args && args.last() instanceof Closure ? (Closure) args.last() : null
        if (body != null) args = args.take(args.size() - 1)
        Map named = arguments(name, args, body != null)
        if (name in ON_AGENT && build.executors == 0) throw new Refused(NO_AGENT)
        build.checkCancelled()
        body == null ? "_$name"(named) : "_$name"(named, body)
    }

    private static Map arguments(String name, List args, boolean block) {
        List<String> known = KNOWN[name]
        if (block != known.contains('{}')) throw new Refused(block ? "$name takes no block" : "$name must be called with a body")
        if (args.size() > 1) throw new Refused("Expected named arguments for $name but got $args")
        boolean byName = args && args[0] instanceof Map && name != 'checkout'
        Map named = byName ? (Map) args[0] : args ? [(known[0] - '*'): args[0]] : [:]
        def unknown = named.keySet().findAll { !(it in known || "$it*".toString() in known) }
        if (unknown) throw new Refused("Unknown parameter(s) found for $name: ${unknown.join(', ')}")
        for (needed in known.findAll { it.endsWith('*') }) if (named[needed - '*'] == null) throw new Refused("$name needs ${needed - '*'}")
        named
    }

    private void _echo(Map m) { build.say(m.message.toString()) }
    private void _error(Map m) { throw new AbortException(m.message.toString()) }
    private void _unstable(Map m) {
        build.rec(step: 'unstable', message: m.message.toString())
        build.say("WARNING: $m.message")
        build.worsen('UNSTABLE')
        build.stageEnds('UNSTABLE')
    }

    private Object _script(Map m, Closure body) { body.call() }

    private Object _withEnv(Map m, Closure body) {
        Map<String, String> more = [:]
        for (pair in m.overrides) {
            int split = pair.toString().indexOf('=')
            if (split < 1) throw new Refused("withEnv needs NAME=value, not $pair")
            more[pair.toString().substring(0, split)] = pair.toString().substring(split + 1)
        }
        build.within(more, body)
    }

    private Object _sh(Map m) {
        String command = m.script.toString()
        Map<String, String> env = build.environment()
        build.rec(step: 'sh', command: command, label: m.label, env: env, cwd: build.cwd.path)
        build.cwd.mkdirs()
        ProcessBuilder starting = new ProcessBuilder('sh', '-xe', '-c', command).directory(build.cwd).redirectErrorStream(!m.returnStdout)
        if (m.returnStdout) starting.redirectError(ProcessBuilder.Redirect.to(new File('/dev/null')))
        starting.environment().clear()
        starting.environment().putAll(env)
        Process process = starting.start()
        process.outputStream.close()
        String out = ''
        if (m.returnStdout) out = process.inputStream.getText('UTF-8')
        else process.inputStream.eachLine('UTF-8') { build.say(it) }
        int code = process.waitFor()
        build.events.last().code = code
        if (m.returnStdout) { if (code != 0) throw new AbortException("script returned exit code $code"); return out }
        if (m.returnStatus) return code
        if (code != 0) throw new AbortException("script returned exit code $code")
        null
    }

    private Object _node(Map m, Closure body) { def found = null; build.onAgent((m.label ?: '').toString()) { found = body.call() }; found }

    private Object _dir(Map m, Closure body) {
        File before = build.cwd
        String path = m.path.toString()
        build.cwd = (path.startsWith('/') ? new File(path) : new File(before, path)).canonicalFile
        try { body.call() } finally { build.cwd = before }
    }

    private Object _lock(Map m, Closure body) {
        String name = m.resource.toString()
        List<Build> queue = build.controller.lock(name)
        queue << build
        build.rec(step: 'waits for lock', name: name)
        try {
            while (!queue[0].is(build)) {
                try { Thread.sleep(5) } catch (InterruptedException ignored) { build.checkCancelled() }
            }
            build.rec(step: 'lock', name: name)
            build.held << name
            body.call()
        } finally { build.held.remove(name); queue.remove(build) }
    }

    private Object _timeout(Map m, Closure body) {
        Map limit = [time: m.time, unit: m.unit ?: 'MINUTES']
        build.rec([step: 'timeout'] + limit)
        build.timeouts << limit
        try { body.call() } finally { build.timeouts.remove(build.timeouts.size() - 1) }
    }

    private Object _catchError(Map m, Closure body) {
        try { body.call() } catch (AbortException | Interrupted | RuntimeException thrown) {
            if (thrown instanceof Interrupted && m.catchInterruptions == false || thrown instanceof Refused) throw thrown
            build.say("ERROR: ${m.message ?: ''} $thrown.message")
            build.worsen(thrown instanceof Interrupted ? thrown.result : m.buildResult ?: 'FAILURE')
            build.stageEnds(thrown instanceof Interrupted ? thrown.result : m.stageResult ?: 'FAILURE')
        }
        null
    }

    private void _milestone(Map m) {
        build.rec(step: 'milestone', ordinal: m.ordinal)
        build.controller.pass(build, (int) m.ordinal)
        build.checkCancelled()
    }

    /** As InputStepExecution.proceed: nothing given is null, one value is the bare value, more are a map; defaults are not filled in. */
    private Object _input(Map m) {
        String id = (m.id ?: md5(m.message.toString())).toString()
        if (!(id ==~ /[a-zA-Z0-9\-._~!$()*+,:@=]+/)) throw new Refused("The following input ID is not allowed: $id")
        id = id.substring(0, 1).toUpperCase() + id.substring(1)
        Map asked = m + [id: id, message: m.message.toString(), parameters: m.parameters ?: []]
        build.rec([step: 'input', timeouts: [] + build.timeouts] + asked)
        asked.executors = build.executors
        build.say('Input requested')
        Map said
        try { said = (Map) build.controller.onInput.call(build, asked) }
        catch (InterruptedException ignored) { build.checkCancelled(); throw ignored }
        build.checkCancelled()
        if (said.timeout) {
            if (!build.timeouts) throw new Refused('this input waits for ever')
            throw new Interrupted('ABORTED', 'Timeout has been exceeded')
        }
        if (said.containsKey('value')) return said.value
        if (said.abort) { build.say("Rejected by $said.abort"); throw new Interrupted('ABORTED', "Rejected by $said.abort") }
        for (name in (said.params ?: [:]).keySet()) if (!(name in asked.parameters*.name)) throw new Refused("no parameter is called $name")
        build.say("Approved by $said.user")
        Map found = [:] + (said.params ?: [:])
        if (m.submitterParameter && said.user != null) found[m.submitterParameter] = said.user
        found.size() == 0 ? null : found.size() == 1 ? found.values().first() : found
    }

    private static String md5(String text) { java.security.MessageDigest.getInstance('MD5').digest(text.getBytes('UTF-8')).encodeHex().toString() }

    private void _stash(Map m) {
        Map<String, byte[]> found = Globs.files(build.cwd, (m.includes ?: '**').toString(), (m.excludes ?: '').toString())
        if (!found && !m.allowEmpty) throw new AbortException("No files included in stash ‘${m.name}’")
        build.stashes[m.name.toString()] = found
        // As DirScanner and the tar of hudson.FilePath: a link to a file stays a link, one to a directory becomes its files.
        build.links[m.name.toString()] = found.keySet().collectEntries { [it, new File(build.cwd, it).toPath()] }
            .findAll { path, at -> Files.isSymbolicLink(at) }.collectEntries { path, at -> [path, Files.readSymbolicLink(at)] }
        build.executable.addAll(found.keySet().findAll { new File(build.cwd, it).canExecute() })
        build.rec(step: 'stash', name: m.name, files: found.keySet() as List)
    }

    private void _unstash(Map m) {
        if (!build.stashes.containsKey(m.name.toString())) throw new AbortException("No such saved stash ‘${m.name}’")
        build.rec(step: 'unstash', name: m.name)
        build.stashes[m.name.toString()].each { path, data ->
            File to = new File(build.cwd, path)
            to.parentFile.mkdirs()
            def target = build.links[m.name.toString()][path]
            if (target != null) { Files.createSymbolicLink(to.toPath(), target); return }
            to.bytes = data
            to.setExecutable(path in build.executable)
        }
    }

    private void _archiveArtifacts(Map m) {
        Map<String, byte[]> found = Globs.files(build.cwd, m.artifacts.toString(), (m.excludes ?: '').toString())
        if (!found && !m.allowEmptyArchive) throw new AbortException("No artifacts found that match the file pattern \"$m.artifacts\"")
        build.artifacts.putAll(found)
        build.rec(step: 'archiveArtifacts', files: found.keySet() as List)
        build.tell?.call([event: 'artifacts', root: build.cwd.path, files: found.keySet() as List])
    }

    private void _junit(Map m) {
        Map<String, byte[]> found = Globs.files(build.cwd, m.testResults.toString(), '')
        if (!found && !m.allowEmptyResults) throw new AbortException('No test report files were found. Configuration error?')
        int failed = found.values().collect { data ->
            new XmlSlurper().parseText(new String(data, 'UTF-8')).depthFirst().count { it.name() in ['failure', 'error'] }
        }.sum() ?: 0
        build.rec(step: 'junit', files: found.keySet() as List, failed: failed)
        if (failed) { build.worsen('UNSTABLE'); build.stageEnds('UNSTABLE') }
    }

    private String _readFile(Map m) { new File(build.cwd, m.file.toString()).getText('UTF-8') }
    private void _writeFile(Map m) { File to = new File(build.cwd, m.file.toString()); to.parentFile.mkdirs(); to.setText(m.text.toString(), 'UTF-8') }
    private boolean _fileExists(Map m) { new File(build.cwd, m.file.toString()).exists() }
    private String _pwd(Map m) { File at = m.tmp ? new File(build.workspace.path + '@tmp') : build.cwd; at.mkdirs(); at.path }
    private void _deleteDir(Map m) { build.rec(step: 'deleteDir', path: build.cwd.path); build.cwd.deleteDir(); build.cwd.mkdirs() }

    private Map<String, String> _checkout(Map m) {
        def scm = build.controller.scm
        List<String> sparse = null
        String wanted = null
        if (m.scm instanceof Map) {
            if (m.scm.$class != 'GitSCM') throw new Refused("no SCM is called ${m.scm.$class}")
            for (extension in m.scm.extensions) {
                if (extension.$class == 'SparseCheckoutPaths') sparse = extension.sparseCheckoutPaths*.path
                else if (!(extension.$class in ['CloneOption', 'CleanCheckout'])) throw new Refused("no extension of git is called ${extension.$class}")
            }
            wanted = m.scm.branches[0].name
        } else if (!m.scm.is(scm)) throw new Refused("checkout of something else: $m.scm")
        String commit = scm.materialise(build.cwd, wanted, sparse)
        build.rec(step: 'checkout', sparse: sparse, wanted: wanted, commit: commit, secrets: build.environment().keySet().findAll { it =~ /TOKEN|PASSWORD|KEY/ } as List)
        build.tell?.call([event: 'checkout', commit: commit])
        [GIT_COMMIT: commit, GIT_BRANCH: 'origin/main']
    }

    private Object _withCredentials(Map m, Closure body) {
        Map<String, String> more = [:]
        List<File> files = []
        for (binding in m.bindings) {
            Map found = build.controller.credentials[binding.credentialsId.toString()]
            if (found == null) throw new AbortException("Could not find credentials entry with ID '$binding.credentialsId'")
            if (found.kind != binding.kind) throw new AbortException("Credentials '$binding.credentialsId' is of type $found.kind where $binding.kind was expected")
            if (binding.kind == 'usernamePassword') {
                more[binding.usernameVariable] = found.username
                more[binding.passwordVariable] = found.password
                build.secrets << found.password
            } else {
                File kept = new File("${build.workspace.path}@tmp/secretFiles/${UUID.randomUUID()}", found.name ?: 'secret')
                kept.parentFile.mkdirs()
                kept.setText(found.text, 'UTF-8')
                files << kept
                more[binding.variable] = kept.path
                build.secrets << kept.path
            }
        }
        build.rec(step: 'withCredentials', names: more.keySet() as List)
        try { build.within(more, body) } finally { files*.delete() }
    }

    private Map _usernamePassword(Map m) { [kind: 'usernamePassword'] + m }
    private Map _file(Map m) { [kind: 'file'] + m }
    private void _mail(Map m) { build.controller.mails << m.collectEntries { k, v -> [k, v.toString()] }; build.rec(step: 'mail') }
    private Map _choice(Map m) { if (!(m.choices instanceof List) || !m.choices) throw new Refused('choices must be a list'); [type: 'choice'] + m }
    private Map _string(Map m) { [type: 'string'] + m }
    private Map _text(Map m) { [type: 'text'] + m }
    private Map _booleanParam(Map m) { [type: 'boolean'] + m }
    private Map _legacySCM(Map m) { m }

    private void _library(Map m) {
        if (!(m.identifier.toString() ==~ /[^@]+@.+/)) throw new AbortException('Must specify a version for the library')
        String path = m.retriever?.libraryPath ?: ''
        if (!m.retriever?.scm?.is(build.controller.scm) || path.contains('..')) throw new AbortException("no library is found by $m")
        File where = new File(build.controller.home, "build$build.number/library")
        build.controller.scm.materialise(where, null, null)
        build.load(new File(where, path))
    }
}
