/** Arguments: the repository's root, a directory for scratch files, and files with scenarios. */
class RunScenarios {
    static void main(String[] args) {
        def settings = new org.codehaus.groovy.control.CompilerConfiguration(scriptBaseClass: 'Scenarios')
        for (path in args.drop(2)) {
            File file = new File(path)
            Binding given = new Binding([root: args[0], scratch: args[1], file: file.name - '.scenarios.groovy'])
            new GroovyShell(RunScenarios.classLoader, given, settings).evaluate(file)
        }
    }
}
