/** Files by Ant's patterns, separated by commas: `**` crosses directories, `*` does not; version control is left out. */
class Globs {
    static Map<String, byte[]> files(File root, String includes, String excludes) {
        Map<String, byte[]> found = [:]
        if (!root.directory) return found
        List wanted = patterns(includes), unwanted = patterns(excludes)
        root.eachFileRecurse(groovy.io.FileType.FILES) { File each ->
            String path = root.toPath().relativize(each.toPath()).toString()
            if (path.startsWith('.git/')) return
            if (wanted.any { path ==~ it } && !unwanted.any { path ==~ it }) found[path] = each.bytes
        }
        found.sort()
    }

    private static List<String> patterns(String text) {
        text.split(',').collect { it.trim() }.findAll().collect { String glob ->
            String quoted = glob.replaceAll(/[.+^$(){}|]/) { '\\' + it }.replace('**/', '\u0001').replace('**', '\u0002')
            quoted.replace('*', '[^/]*').replace('?', '[^/]').replace('\u0001', '(?:.*/)?').replace('\u0002', '.*')
        }
    }
}
