/** The files of an author, as if from git: fast. `branches` and `userRemoteConfigs` are what the git plugin lets a sandbox read. */
class FakeScm {
    Map<String, String> files = ['release.yml': 'model: loans\n', 'model.py': 'the authors code\n']
    String commit = 'c0ffee' * 6
    List branches = [[name: '*/main']]
    List userRemoteConfigs = [[url: 'https://git.example/loans.git']]
    File tree                                           // more files, copied whole

    String materialise(File to, String wanted, List<String> sparse) {
        to.mkdirs()
        files.findAll { path, text -> sparse == null || "/$path".toString() in sparse }.each { path, text ->
            File file = new File(to, path)
            file.parentFile.mkdirs()
            file.text = text
            file.setExecutable(text.startsWith('#!'))
        }
        if (sparse == null && tree != null) new AntBuilder().copy(todir: to.path) { fileset(dir: tree.path) }
        wanted ?: commit
    }
}

/** A real repository and the real git. */
class GitScm {
    String url
    List branches = [[name: 'origin/main']]
    List userRemoteConfigs = [[url: url]]

    String materialise(File to, String wanted, List<String> sparse) {
        to.mkdirs()
        if (!new File(to, '.git').directory) git(to, 'clone', '--quiet', '--no-checkout', url, '.')
        git(to, 'fetch', '--quiet', 'origin', '+refs/heads/*:refs/remotes/origin/*')
        if (sparse != null) {
            git(to, 'config', 'core.sparseCheckout', 'true')
            new File(to, '.git/info').mkdirs()
            new File(to, '.git/info/sparse-checkout').text = sparse.join('\n') + '\n'
        }
        git(to, 'checkout', '--quiet', '--force', '--detach', wanted ?: branches[0].name)
        git(to, 'rev-parse', 'HEAD').trim()
    }

    private static String git(File where, String... command) {
        Process process = new ProcessBuilder(['git', *command]).directory(where).redirectErrorStream(true).start()
        process.outputStream.close()
        String out = process.inputStream.text
        if (process.waitFor() != 0) throw new AbortException("git ${command.join(' ')}: $out")
        out
    }
}
