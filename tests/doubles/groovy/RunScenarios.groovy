/** Arguments: the repository's root, a directory for scratch files, and files with scenarios. */
class RunScenarios {
    static void main(String[] args) {
        def settings = new org.codehaus.groovy.control.CompilerConfiguration(scriptBaseClass: 'Scenarios')
        for (file in args.drop(2)) new GroovyShell(RunScenarios.classLoader, new Binding([root: args[0], scratch: args[1]]), settings).evaluate(new File(file))
    }
}
