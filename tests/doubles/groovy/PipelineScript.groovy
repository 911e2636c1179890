/** Base of Jenkinsfiles and vars, resolving names as CpsScript does: the script's own, then the library's, then steps. */
abstract class PipelineScript extends Script {
    private static final List<String> OURS = ['binding', 'metaClass', 'class']

    Build getBuild() { (Build) super.binding.getVariable('__build') }

    Object invokeMethod(String name, Object args) {
        Object[] given = args instanceof Object[] ? (Object[]) args : [args] as Object[]
        if (metaClass.respondsTo(this, name, given)) return metaClass.invokeMethod(this, name, given)
        Build build = getBuild()
        if (build.vars.containsKey(name)) return kept(name, build.vars[name].invokeMethod('call', given))
        if (name == 'pipeline') return new Declarative(build, this).run((Closure) given[0])
        return build.steps.call(name, given)
    }

    /** What a library's step returns may be held while a build waits, so Jenkins writes it to the disk. */
    private static Object kept(String name, Object found) {
        try { new ObjectOutputStream(new ByteArrayOutputStream()).writeObject(found) }
        catch (NotSerializableException error) { throw new Refused("what $name returns is not serializable: $error.message") }
        found
    }

    Object getProperty(String name) {
        if (name in OURS) return super.getProperty(name)
        Build build = getBuild()
        if (build.vars.containsKey(name)) return build.vars[name]
        switch (name) {
            case 'env': return build.env
            case 'params': return build.params
            case 'currentBuild': return build.currentBuild
            case 'scm': return build.controller.scm
            case 'build': throw new Refused('No such property: build')
        }
        if (metaClass.hasProperty(this, name)) return super.getProperty(name)
        throw new MissingPropertyException("No such property: $name for class: ${this.class.name}")
    }
}
