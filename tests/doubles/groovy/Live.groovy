import groovy.json.JsonOutput
import groovy.json.JsonSlurper

/**
 * The engine behind a Jenkins that another process plays. First line on stdin: the settings. Each further line starts a
 * build or, where one waits, answers its input. Each line on stdout is what the others may see: log, checkout, artifacts,
 * input, and at the end done.
 */
class Live {
    static void main(String[] args) {
        BufferedReader lines = System.in.newReader('UTF-8')
        PrintStream out = new PrintStream(new FileOutputStream(FileDescriptor.out), true, 'UTF-8')
        Closure tell = { Map event -> out.println(JsonOutput.toJson(event)) }
        Closure next = { new JsonSlurper().parseText(lines.readLine()) }
        Map settings = next()
        Controller controller = new Controller(new File((String) settings.home), settings.agentEnv)
        controller.jobEnv = settings.jobEnv
        controller.credentials = settings.credentials
        controller.scm = new GitScm(url: settings.repository)
        settings.libraries.each { name, path -> controller.libraries[name] = new File((String) path) }
        controller.onInput = { Build build, Map asked ->
            tell([event: 'input', id: asked.id, message: asked.message, submitter: asked.submitter, submitterParameter: asked.submitterParameter,
                parameters: asked.parameters.collect { [name: it.name, choices: it.choices ?: []] }, executors: asked.executors, locks: build.held])
            Map answer = next()
            answer.containsKey('value') ? [value: answer.value instanceof Map ? [:] + answer.value : answer.value] : answer
        }
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            Map wanted = new JsonSlurper().parseText(line)
            Build build = controller.start(wanted.params, [number: wanted.number])
            build.tell = tell
            build.run((String) wanted.jenkinsfile)
            tell([event: 'done', result: build.result, description: build.description, error: build.error?.message, stages: build.stages])
        }
    }
}
