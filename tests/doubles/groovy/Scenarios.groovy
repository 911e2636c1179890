import groovy.json.JsonOutput

/** Base of files with scenarios: runs each in a directory of its own, and prints one line of JSON about it. */
abstract class Scenarios extends Script {
    private static int count = 0

    void scenario(String name, Closure body) {
        File home = new File(new File((String) binding.getVariable('scratch')), "s${++count}")
        home.mkdirs()
        Lab lab = new Lab(new File((String) binding.getVariable('root')), home.canonicalFile)
        long start = System.currentTimeMillis()
        String problem = null
        try { body.call(lab) } catch (Throwable thrown) {
            problem = "$thrown\n" + thrown.stackTrace.findAll { it.fileName =~ /groovy$/ }.take(12).join('\n') + "\n--- logs\n" + lab.controller.builds*.log.join('\n')
        }
        println JsonOutput.toJson([file: binding.getVariable('file'), scenario: name, problem: problem, ms: System.currentTimeMillis() - start])
        System.out.flush()
    }

    static boolean fails(Build build, String saying) { assert build.error != null, build.log; assert build.error.message.contains(saying), build.error.message; true }
}
